import { StowageError } from '../../../backup-set/base/errors.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import type { Flags } from '../../command.ts';
import { dashed } from '../../config/flag-names.ts';
import { secondsFrom } from '../../flags.ts';
import { setNameFrom } from '../../set-name.ts';
import { mapFrom, referencesFrom, wordsBehindMap } from '../mapped/flags.ts';
import type { ResumeOptions } from '../prepare/resume.ts';
import type { RestoreOptions } from '../request.ts';
import { CHOICE_FLAGS, choicesFrom } from './choices.ts';
import { contentsFrom } from './contents.ts';
import { WAIT_SECONDS } from './flags.ts';
import { chosenFrom } from './names.ts';

/** The flags that a resume takes from the first restore. */
const NOT_WITH_RESUME = [
  'before',
  'content',
  'map',
  'reference',
  'create',
  'truncate',
  'dropUnfinished',
  'redirectDb',
  'database',
  'resize',
  'globals',
  'includeSchema',
  'excludeSchema',
  'includeTable',
  'excludeTable',
  'intoSchema',
  'table',
  'as',
  ...CHOICE_FLAGS,
];

/** What the flags ask for. @throws StowageError `usage/flag` naming a flag that does not fit. */
export function optionsFrom(
  flags: Flags,
  positional: readonly string[],
): RestoreOptions | ResumeOptions {
  const common = {
    count: flags['count'] !== false,
    objects: flags['objects'] !== false,
    acceptCluster: flags['acceptCluster'] === true,
    waitMs: secondsFrom(flags, 'wait', WAIT_SECONDS) * 1000,
  };
  const verify = typeof flags['verify'] === 'boolean' ? flags['verify'] : undefined;
  const { resume } = flags;
  if (typeof resume === 'string') {
    const other =
      flags['owner'] === false ? 'noOwner' : flags['acl'] === false ? 'noAcl' : undefined;
    const given = NOT_WITH_RESUME.find((name) => flags[name] !== undefined) ?? other;
    const what =
      positional[0] === undefined ? given && `--${dashed(given)}` : `set ${positional[0]}`;
    if (what !== undefined)
      throw new StowageError(
        'usage/flag',
        `--resume takes everything from the request of restore ${resume}: leave out ${what}`,
        { where: { field: 'resume' } },
      );
    return { resume, verify, allowMissing: flags['allowMissing'] === true, ...common };
  }
  // `--globals TIMESTAMP`: the flag's value is optional, so it has taken the set.
  const { globals } = flags;
  const words = [...positional, ...wordsBehindMap(flags)];
  const given = typeof globals === 'string' && globals !== 'alter' ? [globals, ...words] : words;
  if (given.length === 0)
    throw new StowageError('usage/flag', "missing required argument 'set'", {
      where: { field: 'set' },
    });
  const mode = modeOf(flags);
  const contents = contentsFrom(flags);
  const map = mapFrom(flags);
  const reference = referencesFrom(flags);
  if (flags['dropUnfinished'] === true && mode !== 'create')
    throw new StowageError('usage/flag', '--drop-unfinished needs --create', {
      where: { field: 'dropUnfinished' },
    });
  const { selection, ...names } = chosenFrom(flags, mode);
  return {
    set: setNameFrom(given, flags),
    mode,
    ...(contents !== undefined && { contents }),
    ...(map !== undefined && { map, reference }),
    verify,
    selection,
    ...names,
    globals: globals !== undefined,
    noOwner: flags['owner'] === false,
    resize: flags['resize'] === true,
    dropUnfinished: flags['dropUnfinished'] === true,
    choices: choicesFrom(flags, mode),
    ...common,
  };
}

function modeOf(flags: Flags): RestoreRequest['mode'] {
  if (flags['create'] === true && flags['truncate'] === true) {
    throw new StowageError('usage/flag', 'use --create or --truncate, not both');
  }
  return flags['create'] === true ? 'create' : flags['truncate'] === true ? 'truncate' : 'fill';
}
