import { StowageError } from '../backup-set/errors.ts';
import { parsePattern, type Selection } from '../backup-set/selection.ts';
import { Timestamp } from '../backup-set/timestamps.ts';
import type { Flags } from './command.ts';

/** Reading flags; every refusal names the flag. */

export const SELECTION_FLAGS = [
  ['--include-schema <pattern>', 'only these schemas (repeatable; * stands for anything)'],
  ['--exclude-schema <pattern>', 'not these schemas'],
  ['--include-table <pattern>', 'only these tables, schema.table or "a.b"."c"'],
  ['--exclude-table <pattern>', 'not these tables'],
] as const;
export const SELECTION_LISTS = SELECTION_FLAGS.map(([flags]) => flags);

export function selectionFrom(flags: Flags): Selection {
  return {
    includeSchemas: patterns(flags, 'includeSchema'),
    excludeSchemas: patterns(flags, 'excludeSchema'),
    includeTables: patterns(flags, 'includeTable'),
    excludeTables: patterns(flags, 'excludeTable'),
  };
}

export function timestampFrom(positional: readonly string[]): string {
  const [text = ''] = positional;
  const result = Timestamp.safeParse(text);
  if (!result.success)
    throw new StowageError(
      'usage/flag',
      `${JSON.stringify(text)} is not a timestamp key: ${result.error.issues[0]?.message}`,
      { where: { field: 'timestamp' } },
    );
  return result.data;
}

/** A whole number; `fallback` when the flag was not given. */
export function numberFrom(flags: Flags, name: string, fallback: number): number {
  const value = flags[name];
  if (value === undefined) return fallback;
  if (typeof value !== 'string' || !/^\d{1,9}$/.test(value))
    throw new StowageError(
      'usage/flag',
      `--${dashed(name)} takes a whole number, not ${JSON.stringify(value)}`,
      { where: { field: name } },
    );
  return Number(value);
}

/** The same, for flags that override a configuration field: absent stays absent. */
export function numberFlag(flags: Flags, name: string): number | undefined {
  return flags[name] === undefined ? undefined : numberFrom(flags, name, 0);
}

function patterns(flags: Flags, name: string): string[] {
  const given = flags[name];
  const list = Array.isArray(given) ? given.map(String) : [];
  for (const pattern of list) {
    if (parsePattern(pattern) === undefined)
      throw new StowageError('usage/flag', `--${dashed(name)}: ${JSON.stringify(pattern)} is not a pattern`, {
        where: { field: name },
      });
  }
  return list;
}

const dashed = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
