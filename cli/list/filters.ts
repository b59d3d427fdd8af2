import { StowageError } from '../../backup-set/base/errors.ts';
import { timestampOf } from '../../backup-set/base/timestamps.ts';
import type { Flags } from '../command.ts';
import { Duration, durationMs } from '../config/durations.ts';
import { numberFrom } from '../flags.ts';
import { instant } from '../set-name.ts';

/** What a list is narrowed to: all that is given must hold; of a repeated flag, one value. */
export interface Filters {
  readonly statuses: readonly string[];
  readonly databases: readonly string[];
  readonly clusters: readonly string[];
  readonly tags: readonly string[];
  /** As 14 digits, UTC. */
  readonly since: string | undefined;
  readonly before: string | undefined;
  /** Only the newest of those that pass. */
  readonly last: number | undefined;
}

/** What the filters look at. */
export interface Filtered {
  /** Digits of its time, UTC, and possibly more characters. */
  readonly time: string;
  readonly status: string;
  readonly database: string | undefined;
  readonly cluster: string | undefined;
  readonly tags: readonly string[];
}

export const FILTER_FLAGS = [
  [
    '--status <status>',
    'only with this status (repeatable): complete, incomplete, damaged, open or expired; restores: restored, failed, refused or open; requests: what `list requests` prints',
  ],
  ['--database <name>', 'only of this database (repeatable)'],
  ['--cluster <name>', 'only of this cluster (repeatable)'],
  ['--tag <tag>', 'only the sets with this tag (repeatable: with all of them)'],
  ['--since <time>', 'only since this UTC time, or of the last 12h, 7d or 2w'],
  ['--before <time>', 'only before this UTC time, or older than 12h, 7d or 2w'],
  ['--last <n>', 'only the newest n of those'],
] as const;

/** The filters that may be repeated. */
export const FILTER_LISTS = FILTER_FLAGS.slice(0, 4).map(([flags]) => flags);

/**
 * @param statuses what `--status` may name.
 * @throws StowageError `usage/flag` naming the flag.
 */
export function filtersFrom(flags: Flags, statuses: readonly string[], now: Date): Filters {
  const chosen = listOf(flags['status']);
  const unknown = chosen.find((status) => !statuses.includes(status));
  if (unknown !== undefined)
    throw new StowageError(
      'usage/flag',
      `--status takes one of ${statuses.join(', ')}, not ${JSON.stringify(unknown)}`,
      { where: { field: 'status' } },
    );
  const last = flags['last'] === undefined ? undefined : numberFrom(flags, 'last', 0);
  return {
    statuses: chosen,
    databases: listOf(flags['database']),
    clusters: listOf(flags['cluster']),
    tags: listOf(flags['tag']),
    since: timeFrom(flags, 'since', now),
    before: timeFrom(flags, 'before', now),
    last,
  };
}

/** The items, newest first, that pass. */
export function filtered<Item>(
  items: readonly Item[],
  of: (item: Item) => Filtered,
  filters: Filters,
): Item[] {
  const isOneOf = (wanted: readonly string[], value: string | undefined) =>
    wanted.length === 0 || (value !== undefined && wanted.includes(value));
  const { since = '', before } = filters;
  const passing = items.filter((item) => {
    const { time, status, database, cluster, tags } = of(item);
    return (
      isOneOf(filters.statuses, status) &&
      isOneOf(filters.databases, database) &&
      isOneOf(filters.clusters, cluster) &&
      filters.tags.every((tag) => tags.includes(tag)) &&
      time >= since &&
      (before === undefined || time < before)
    );
  });
  return passing.slice(0, filters.last ?? passing.length);
}

/** The filters as they were given, for messages; empty when there are none. */
export function filterText(filters: Filters): string {
  const { statuses, databases, clusters, tags, since, before, last } = filters;
  const repeated = [
    ...statuses.map((value) => `--status ${value}`),
    ...databases.map((value) => `--database ${value}`),
    ...clusters.map((value) => `--cluster ${value}`),
    ...tags.map((value) => `--tag ${value}`),
  ];
  return [
    ...repeated,
    ...(since === undefined ? [] : [`--since ${since}`]),
    ...(before === undefined ? [] : [`--before ${before}`]),
    ...(last === undefined ? [] : [`--last ${last}`]),
  ].join(' ');
}

export function timeFrom(flags: Flags, name: 'since' | 'before', now: Date): string | undefined {
  const value = flags[name];
  if (value === undefined) return undefined;
  const age = Duration.safeParse(value);
  if (age.success) return timestampOf(new Date(now.getTime() - durationMs(age.data)));
  return instant(value, name, ', or an age such as 12h, 7d or 2w');
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
