import { StowageError } from '../../backup-set/base/errors.ts';
import type { Selection } from '../../backup-set/base/selection.ts';
import type { Flags } from '../command.ts';
import { numberFrom, selectionFrom } from '../flags.ts';
import { type SetName, setNameFrom } from '../set-name.ts';

export interface DumpOptions {
  readonly at: SetName;
  readonly selection: Selection;
  /** Of a set of several shards. */
  readonly content: number | undefined;
  readonly plainPostgres: boolean;
  readonly globals: boolean;
  readonly noOwner: boolean;
  readonly noAcl: boolean;
  readonly largeObjects: boolean;
  readonly allowMissing: boolean;
  /** False: each statement of the script commits by itself. */
  readonly oneTransaction: boolean;
  readonly sections: readonly ('schema' | 'data')[];
  /** Undefined: standard output. */
  readonly out: string | undefined;
  readonly overwrite: boolean;
}

export function dumpOptionsFrom(flags: Flags, positional: readonly string[]): DumpOptions {
  const is = (name: string) => flags[name] === true;
  const out = flags['out'];
  if (is('schemaOnly') && is('dataOnly'))
    throw new StowageError(
      'usage/flag',
      '--schema-only and --data-only leave nothing: choose one',
      {
        where: { field: 'dataOnly' },
      },
    );
  const only = is('schemaOnly') ? 'schema' : is('dataOnly') ? 'data' : undefined;
  return {
    at: setNameFrom(positional),
    selection: selectionFrom(flags),
    content: flags['content'] === undefined ? undefined : numberFrom(flags, 'content', 0),
    plainPostgres: is('plainPostgres'),
    globals: is('globals'),
    noOwner: flags['owner'] === false,
    noAcl: flags['acl'] === false,
    largeObjects: is('largeObjects'),
    allowMissing: is('allowMissing'),
    oneTransaction: flags['transaction'] !== false,
    sections: only === undefined ? ['schema', 'data'] : [only],
    out: typeof out === 'string' && out !== '-' ? out : undefined,
    overwrite: is('overwrite'),
  };
}
