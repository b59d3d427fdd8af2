import { StowageError } from '../backup-set/base/errors.ts';
import { parsePattern, type Selection } from '../backup-set/base/selection.ts';
import { Timestamp } from '../backup-set/base/timestamps.ts';
import { GroupId } from '../backup-set/documents/plan.ts';
import {
  parseSize,
  parseTime,
  quantityForms,
  SIZE_UNITS,
} from '../backup-set/messages/quantities.ts';
import type { Flags } from './command.ts';
import { dashed, PATTERN_FORMS } from './config/flag-names.ts';
import { namesGroup } from './set-name.ts';

/** Reads flags. Every error names its flag. */

export const SELECTION_FLAGS = [
  ['--include-schema <pattern>', 'select these schemas only (repeatable; * matches any text)'],
  ['--exclude-schema <pattern>', 'leave out these schemas (repeatable)'],
  ['--include-table <pattern>', 'select these tables only: schema.table or "a.b"."c" (repeatable)'],
  ['--exclude-table <pattern>', 'leave out these tables (repeatable)'],
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
  if (GroupId.safeParse(text).success)
    throw new StowageError('usage/flag', namesGroup(text), { where: { field: 'timestamp' } });
  const result = Timestamp.safeParse(text);
  if (!result.success)
    throw new StowageError(
      'usage/flag',
      `${JSON.stringify(text)} is not a timestamp: use the 14 digits that \`stowage list\` prints, YYYYMMDDHHMMSS, of a date that exists`,
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

/** For a flag that overrides a configuration field: undefined when it was not given. */
export function numberFlag(flags: Flags, name: string): number | undefined {
  return flags[name] === undefined ? undefined : numberFrom(flags, name, 0);
}

/** A time in seconds, also written as `10min`; `fallback` when the flag was not given. */
export function secondsFrom(flags: Flags, name: string, fallback: number): number {
  const value = flags[name];
  if (value === undefined) return fallback;
  const seconds = /^\d{1,9}$/.test(String(value))
    ? Number(value)
    : parseTime(String(value), 'Seconds');
  if (seconds !== undefined) return seconds;
  throw new StowageError(
    'usage/flag',
    `--${dashed(name)} takes ${quantityForms('Seconds')}, not ${JSON.stringify(value)}`,
    { where: { field: name } },
  );
}

/** For a flag that overrides a configuration field: undefined when it was not given. */
export function secondsFlag(flags: Flags, name: string): number | undefined {
  return flags[name] === undefined ? undefined : secondsFrom(flags, name, 0);
}

export const ACCEPT_CLUSTER_FLAG = [
  '--accept-cluster',
  'go on although the cluster has another name, fewer contents or swapped servers, compared with its sets',
] as const;

/** `main.ts` puts it into the configuration. */
export const IDENTITY_FLAG = [
  '--identity <file>',
  'encrypted sets: file with an identity of age that opens them (repeatable; default: encryption.identityFile)',
] as const;

export const RATE_FLAG = [
  '--max-rate <rate>',
  'limit in bytes per second for all shippers of one host together, for example 200MB or 1.5GiB',
] as const;

/** `main.ts` puts it into the context. */
export const ACCEPT_PLAIN_FLAG = [
  '--accept-plain',
  'go on although the set is not encrypted, and the configuration names recipients or an identity: sets from before encryption was turned on',
] as const;

/** `--max-rate` in bytes per second; undefined when it was not given. */
export function rateFlag({ maxRate }: Flags): number | undefined {
  if (maxRate === undefined) return undefined;
  const rate = parseSize(String(maxRate));
  if (rate !== undefined) return rate;
  throw new StowageError(
    'usage/flag',
    `--max-rate takes a number and a unit (${Object.keys(SIZE_UNITS).join(', ')}), not ${JSON.stringify(maxRate)}`,
    { where: { field: 'maxRate' } },
  );
}

function patterns(flags: Flags, name: string): string[] {
  const given = flags[name];
  const list = Array.isArray(given) ? given.map(String) : [];
  for (const pattern of list) {
    if (parsePattern(pattern) === undefined)
      throw new StowageError(
        'usage/flag',
        `--${dashed(name)}: ${JSON.stringify(pattern)} is not a pattern; write ${PATTERN_FORMS}`,
        { where: { field: name } },
      );
  }
  return list;
}
