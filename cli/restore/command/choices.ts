import { StowageError } from '../../../backup-set/base/errors.ts';
import { SECTIONS, type Section } from '../../../backup-set/documents/restore/choices.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { Flags } from '../../command.ts';
import { dashed } from '../../config/flag-names.ts';
import type { Choices } from '../request.ts';

/** Flags of pg_restore, for the help. */
export const CHOICE_HELP = [
  ['--data-only', 'restore rows, large objects and sequences; the tables must exist and be empty'],
  ['--schema-only', 'restore the definitions, and no rows'],
  [
    '--section <name>',
    'restore only this part: pre-data, data or post-data, as in pg_restore (repeatable)',
  ],
  ['--no-acl', 'run no GRANT and no REVOKE of the set'],
  [
    '--on-error <mode>',
    'stop (default): end when a table, type or function cannot be made; continue: make everything else, list all failures and end with exit code 3',
  ],
  [
    '--allow-missing',
    'exit 0 also when objects could not be restored; they are listed all the same',
  ],
] as const;
export const CHOICE_LISTS = ['--section <name>'];

/** The flags that a resume takes from the first restore. */
export const CHOICE_FLAGS = ['dataOnly', 'schemaOnly', 'section', 'onError', 'largeObjects'];

/**
 * The choices that the flags make.
 * @throws StowageError `usage/flag` naming flags that do not fit together.
 */
export function choicesFrom(flags: Flags, mode: RestoreRequest['mode']): Choices {
  const sections = sectionsFrom(flags);
  requireFitting(flags, mode, sections);
  const { allowMissing, acl } = flags;
  return {
    ...(allowMissing === true && { allowMissing }),
    // With --truncate, --data-only says what is done anyway.
    ...(sections && mode !== 'truncate' && { sections }),
    ...(acl === false && { noAcl: true }),
    ...(onErrorFrom(flags) === 'continue' && { onError: 'continue' as const }),
    ...(flags['globals'] === 'alter' && { globalsMode: 'alter' as const }),
    ...(flags['largeObjects'] === true && { largeObjects: true as const }),
  };
}

/** The choices of a request. */
export function choicesOf({ allowMissing, sections, noAcl, onError, ...more }: Choices): Choices {
  const { globalsMode, largeObjects } = more;
  return {
    ...(globalsMode && { globalsMode }),
    ...(largeObjects && { largeObjects }),
    ...(allowMissing && { allowMissing }),
    ...(sections && { sections }),
    ...(noAcl && { noAcl }),
    ...(onError && { onError }),
  };
}

function sectionsFrom(flags: Flags): Section[] | undefined {
  const { dataOnly, schemaOnly, section } = flags;
  const given = [
    ...(dataOnly === true ? ['dataOnly'] : []),
    ...(schemaOnly === true ? ['schemaOnly'] : []),
    ...(Array.isArray(section) ? ['section'] : []),
  ];
  if (given.length > 1)
    throw refused(
      `use only one of ${given.map((name) => `--${dashed(name)}`).join(', ')}`,
      given[1],
    );
  if (dataOnly === true) return ['data'];
  if (schemaOnly === true) return ['pre-data', 'post-data'];
  if (!Array.isArray(section)) return undefined;
  const names: readonly unknown[] = section;
  const unknown = names.find((name) => !SECTIONS.some((known) => known === name));
  if (unknown !== undefined)
    throw refused(
      `--section takes pre-data, data or post-data, not ${JSON.stringify(unknown)}`,
      'section',
    );
  const sections = SECTIONS.filter((known) => names.includes(known));
  return sections.length === SECTIONS.length ? undefined : sections;
}

function requireFitting(
  flags: Flags,
  mode: RestoreRequest['mode'],
  sections: readonly Section[] | undefined,
): void {
  if (sections === undefined) return;
  const flag =
    flags['dataOnly'] === true
      ? '--data-only'
      : flags['schemaOnly'] === true
        ? '--schema-only'
        : `--section ${sections.join(' --section ')}`;
  const field = flag.startsWith('--section') ? 'section' : undefined;
  if (mode === 'truncate' && sections.join() !== 'data')
    throw refused(
      `--truncate with ${flag}: --truncate only loads rows into existing tables. Leave out one of the two`,
      field,
    );
  if (sections.includes('pre-data')) return;
  if (mode === 'create')
    throw refused(
      `--create with ${flag}: a new database has no tables without section pre-data. Leave out one of the two`,
      field,
    );
  if (flags['globals'] === true && mode !== 'truncate')
    throw refused(
      `--globals with ${flag}: roles and tablespaces are restored with section pre-data. Leave out one of the two`,
      field,
    );
}

function onErrorFrom({ onError = 'stop' }: Flags): 'stop' | 'continue' {
  if (onError === 'stop' || onError === 'continue') return onError;
  throw refused(`--on-error takes stop or continue, not ${JSON.stringify(onError)}`, 'onError');
}

function refused(message: string, field = 'section'): StowageError {
  return new StowageError('usage/flag', message, { where: { field } });
}
