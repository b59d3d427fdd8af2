import { mapInFlight } from '../../async/each-in-flight.ts';
import { HEARTBEAT_MS, HEARTBEATS } from '../../backup-set/base/keys/schedule-keys.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { Heartbeat, type HeartbeatRole } from '../../backup-set/documents/schedule/heartbeat.ts';
import type { Deps } from '../deps.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';

/** A program that has written heartbeats. */
export interface Heard {
  readonly role: HeartbeatRole;
  readonly name: string;
  readonly tool: string;
  /** When the store got its newest heartbeat. */
  readonly lastAt: Date;
  /** It should have written another one since then. */
  readonly isOverdue: boolean;
  readonly contents: Heartbeat['contents'];
  /** As in the heartbeat, which any writer of the bucket can forge. */
  readonly signedBy?: Heartbeat['signedBy'] | undefined;
}

/** Two slots, and time to write: a program that misses one may only have been slow. */
export const OVERDUE_MS = 2 * HEARTBEAT_MS + 300_000;
/** Programs that are read: bounds the requests, whatever is in the bucket. */
export const PROGRAMS_MAX = 2000;
/** Heartbeats of a day are listed at first: an overdue program has older ones. */
const DAY_DIGITS = 8;

/**
 * The programs of these roles that were heard, by name. A LIST per 1,000 programs, and per program
 * one or two LISTs and a GET. Heartbeats are removed after a week.
 */
export async function heardOf(
  deps: Deps,
  now: Date,
  roles: readonly HeartbeatRole[],
): Promise<Heard[]> {
  const folders = await Array.fromAsync(
    deps.store.listPrefixes(HEARTBEATS, { signal: deps.signal }),
  );
  const heard = await mapInFlight(folders.slice(0, PROGRAMS_MAX), READS_IN_FLIGHT, (folder) =>
    heardIn(deps, folder, now),
  );
  return heard
    .filter((one): one is Heard => one !== undefined && roles.includes(one.role))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function heardIn(deps: Deps, folder: string, now: Date): Promise<Heard | undefined> {
  const own = `${HEARTBEATS}${folder}`;
  const today = `${own}${instantOf(now).slice(0, DAY_DIGITS)}`;
  const newest = (await newestUnder(deps, today)) ?? (await newestUnder(deps, own));
  const found = newest && (await tryRead(deps, newest.key, Heartbeat));
  if (found === undefined || newest === undefined) return undefined;
  const { role, name, tool, contents, signedBy } = found;
  const isOverdue = now.getTime() - newest.at.getTime() > OVERDUE_MS;
  return { role, name, tool, lastAt: newest.at, isOverdue, contents, signedBy };
}

/** Keys of a program are listed in the order of their slots. */
async function newestUnder(deps: Deps, prefix: string) {
  let newest: { readonly key: string; readonly at: Date } | undefined;
  for await (const { key, modifiedAt } of deps.store.list(prefix, { signal: deps.signal }))
    if (parseKey(key)?.kind === 'heartbeat') newest = { key, at: modifiedAt };
  return newest;
}
