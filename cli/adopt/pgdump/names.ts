import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { dateOf, timestampOf as digitsOf, Timestamp } from '../../../backup-set/base/timestamps.ts';
import type { Group } from '../../../backup-set/documents/plan.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Flags } from '../../command.ts';
import type { Config } from '../../config/schema.ts';
import { wrongFlag } from '../adopt-set.ts';
import { existsAlready } from '../convert/plan.ts';
import type { Dump } from './dump.ts';
import type { JudgedDatabase, JudgedDump } from './judge.ts';

/** A database of a dump, and the set that it becomes. */
export interface WantedDatabase {
  /** Its place in the dump. */
  readonly index: number;
  readonly database: string;
  readonly timestamp: string;
}

/** Every cluster has them, and pg_dumpall dumps them also when they hold nothing. */
const MAINTENANCE = ['template0', 'template1', 'postgres', 'gpadmin'];
/** Not objects that a user has made. */
const NOTHING = ['DATABASE', 'DATABASE PROPERTIES', 'SEARCHPATH', 'COMMENT', 'ACL', 'EXTENSION'];

/** True for a maintenance database that holds nothing. */
export function isUnused(
  name: string,
  { facts, relations, hasLargeObjects }: Omit<JudgedDatabase, 'lacking'>,
): boolean {
  const made = facts.objects.filter(({ kind }) => !NOTHING.includes(kind));
  const isEmpty = relations.length === 0 && made.length === 0 && !hasLargeObjects;
  return MAINTENANCE.includes(name) && isEmpty;
}

/** Pure. The sets of a dump: each database has its own timestamp, a second apart. */
export function databasesWanted(
  { tool, databases }: Pick<JudgedDump, 'tool' | 'databases'>,
  timestamp: string,
  configured: string,
): readonly WantedDatabase[] {
  const named = databases.map((judged, index) => {
    const database = judged.facts.database ?? configured;
    return { index, database, isUnused: isUnused(database, judged) };
  });
  const used = tool === 'pg_dump' ? named : named.filter((one) => !one.isUnused);
  return used.map(({ index, database }, at) => ({
    index,
    database,
    timestamp: secondsBehind(timestamp, at),
  }));
}

export const secondsBehind = (timestamp: string, seconds: number) =>
  digitsOf(new Date(dateOf(timestamp).getTime() + seconds * 1000));

export function groupOf(tool: Dump['tool'], wanted: readonly WantedDatabase[]): Group | undefined {
  const [first] = wanted;
  if (tool === 'pg_dump' || first === undefined) return undefined;
  return { id: `group-${first.timestamp}`, databases: wanted.map(({ database }) => database) };
}

/** @throws StowageError `adopt/exists` */
export async function refuseExisting(
  store: ObjectStore,
  wanted: readonly Pick<WantedDatabase, 'timestamp'>[],
): Promise<void> {
  for (const { timestamp } of wanted)
    if ((await store.head(formatKey({ kind: 'plan', timestamp }))) !== undefined)
      throw existsAlready(store, timestamp);
}

/** @throws StowageError `usage/flag` when neither the dump nor the user says it. */
export function timestampOfDump(flags: Flags, createdAt: string | undefined): string {
  const given = Timestamp.safeParse(flags['timestamp'] ?? createdAt);
  if (given.success) return given.data;
  throw wrongFlag(
    'timestamp',
    flags['timestamp'] === undefined
      ? 'the dump does not say when it was made: pass --timestamp with 14 digits, YYYYMMDDHHMMSS'
      : '--timestamp has 14 digits: YYYYMMDDHHMMSS',
  );
}

/** A dump has one database of one server. @throws StowageError `usage/flag` */
export function refuseUnfit({ flavour, segments }: Config): void {
  const [first] = segments;
  if (flavour !== 'shards' || (segments.length === 1 && first?.content === 0)) return;
  throw new StowageError(
    'usage/flag',
    `a dump of pg_dump is of one server, and the configuration has ${segments.length} segments: use a configuration with one segment, content 0, and its own cluster name and root`,
    { where: { field: 'segments' } },
  );
}
