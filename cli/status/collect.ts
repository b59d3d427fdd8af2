import { agentsPrefix, formatKey, RESTORES } from '../../backup-set/base/keys.ts';
import { dateOf, RestoreId } from '../../backup-set/base/timestamps.ts';
import type { Deps, Unreadable } from '../../functions/deps.ts';
import { type Heard, heardOf } from '../../functions/heard/heard.ts';
import {
  describeRequests,
  type RequestSummary,
  type ShownState,
  shownState,
} from '../../functions/requests/requests.ts';
import { holderName, holderOf, SLOT_MS, slotOf } from '../../functions/schedule/lease.ts';
import {
  listSchedule,
  newestRuns,
  readRuns,
  type ScheduledRun,
} from '../../functions/schedule/runs.ts';
import { describeApart, type ListedSet } from '../../functions/sets/describe-sets.ts';
import type { SetDrill } from '../../functions/sets/drills.ts';
import { newestSets } from '../../functions/stored/newest.ts';
import { apart } from '../../functions/stored/unreadable.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { lookWith } from '../output/storage/unreadable.ts';
import { knownToken } from '../requests/token.ts';
import { type Entry, entriesOf } from '../schedule/entries.ts';
import { overdueInstant } from '../schedule/overdue.ts';
import { nextAfter } from '../schedule/times.ts';
import { functionDeps } from '../wait-for-functions.ts';
import type { WantedContent } from './heard/agents.ts';

/** All that `stowage status` shows, as of one look. */
export interface Status {
  readonly root: string;
  readonly cluster: string;
  /** By the store's clock. */
  readonly now: Date;
  /** The newest sets, newest first, up to the newest complete one of the configured database. */
  readonly sets: readonly ListedSet[];
  readonly complete: ListedSet | undefined;
  /** `announce.overdueHours`; absent = a set is never too old. */
  readonly overdueAfterMs?: number | undefined;
  /** The newest drill of the sets that were looked at. */
  readonly drill: (SetDrill & { readonly set: string }) | undefined;
  readonly restores: readonly string[];
  /** Restores that the console asked for: those that wait, are lost or forged. */
  readonly requests: readonly (Omit<RequestSummary, 'state'> & { readonly state: ShownState })[];
  readonly entries: readonly EntryStatus[];
  /** The runner that may start runs now; undefined = no runner works. */
  readonly runner: string | undefined;
  /** Runners that were heard in the last 7 days; empty without a schedule. */
  readonly runners: readonly Heard[];
  /** Orders of entries that the configuration does not have. */
  readonly strangeOrders: readonly { readonly entry: string; readonly instant: Date }[];
  /** Undefined = no alternate location is configured. */
  readonly copy: CopyStatus | undefined;
  /** Undefined = the shippers are no agents. */
  readonly agents: AgentsStatus | undefined;
  readonly segments: number;
  readonly hosts: number;
  /** Objects that the look went on without. */
  readonly unreadable: readonly Unreadable[];
}

export interface AgentsStatus {
  /** Of the newest set; undefined = there is none. */
  readonly newest: { readonly orders: number; readonly claimed: number } | undefined;
  readonly heard: readonly Heard[];
  /** Contents of the configuration; empty = the coordinator knows them. */
  readonly wanted: readonly WantedContent[];
}

export interface EntryStatus {
  readonly entry: Entry;
  readonly last: ScheduledRun | undefined;
  readonly next: Date | undefined;
  /** The instant that should have begun and has not; undefined = none. */
  readonly overdue: Date | undefined;
}

export interface CopyStatus {
  readonly root: string;
  /** Whether the newest complete set is complete there; undefined = no set, or no answer. */
  readonly hasNewest: boolean | undefined;
  readonly trouble?: string;
}

/** Sets that are looked at: each costs four to seven small requests. */
const SETS_MAX = 12;
/** Restores whose end is looked for, one request each. */
const RESTORES_MAX = 3;
const REQUESTS_MAX = 20;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Reads the status of a root. docs/operations.md says how many requests it takes. */
export async function collectStatus(
  context: ClusterContext,
  store: ObjectStore,
  replica: ObjectStore | undefined,
): Promise<Status> {
  const { config } = context;
  const look = lookWith(functionDeps(context, store));
  const { deps } = look;
  const now = await store.now({ signal: context.signal });
  const sets: ListedSet[] = [];
  for await (const timestamp of newestSets(deps)) {
    const set = await describeApart(deps, timestamp);
    if (set !== undefined && set.retention?.state !== 'expired') sets.push(set);
    if ((set !== undefined && isLast(set, config.database)) || sets.length === SETS_MAX) break;
  }
  const all = sets.filter(({ status }) => status === 'complete');
  const complete = all.find(({ database }) => database === config.database) ?? all[0];
  const { entries, strangeOrders } = await scheduleStatus(context, deps, now);
  const newest = sets[0];
  const status = {
    root: store.url,
    cluster: config.cluster,
    now,
    sets,
    complete,
    overdueAfterMs: config.announce.overdueHours && config.announce.overdueHours * HOUR_MS,
    drill: await newestDrill(deps, sets, entries),
    restores: await runningRestores(deps, now),
    requests: await openRequests(context, deps),
    entries,
    runner: holderName(await holderOf(deps, 'schedule', slotOf(now.getTime(), SLOT_MS))),
    runners: entries.length === 0 ? [] : await heardOf(deps, now, ['runner']),
    strangeOrders,
    copy: replica && (await copyStatus(context, replica, complete)),
    agents:
      config.shippers.start === 'agents'
        ? await agentsOf(context, deps, now, newest?.timestamp)
        : undefined,
    ...placesOf(context),
  };
  return { ...status, unreadable: look.unreadable() };
}

/** Another database, or another of a group, can be the one whose backup failed. */
const isLast = ({ status, database, group }: ListedSet, wanted: string | undefined) =>
  status === 'complete' && database === wanted && group === undefined;

function placesOf({ config: { segments, coordinator } }: ClusterContext) {
  const hosts = [...segments.map(({ host }) => host), ...(coordinator ? [coordinator.host] : [])];
  return { segments: segments.length, hosts: new Set(hosts).size };
}

/** An order that is older waits for nothing any more. */
const ORDER_TOLD_MS = 2 * DAY_MS;

/** The entries with their runs, by two LISTs and two GETs per entry. */
export async function scheduleStatus(
  context: ClusterContext,
  deps: Deps,
  now: Date,
): Promise<Pick<Status, 'entries' | 'strangeOrders'>> {
  const entries = entriesOf(context.config);
  if (entries.length === 0) return { entries: [], strangeOrders: [] };
  const { runs: all, orders } = await listSchedule(deps, now);
  const newest = newestRuns(all);
  const listed = entries.flatMap(({ name }) => newest.get(name) ?? []);
  const runs = new Map((await readRuns(deps, listed, now)).map((run) => [run.entry, run]));
  const isBusy = [...runs.values()].some(({ state }) => state === 'running');
  const known = new Set(entries.map(({ name }) => name));
  return {
    entries: entries.map((entry) => {
      const last = runs.get(entry.name);
      const seen = { last: last?.instant, isBusy, now, ordered: orders.get(entry.name) };
      const overdue = overdueInstant(entry, deps.store.url, seen);
      return { entry, last, next: nextAfter(entry, now), overdue };
    }),
    strangeOrders: [...orders]
      .map(([entry, instant]) => ({ entry, instant }))
      .filter(({ entry }) => !known.has(entry))
      .filter(({ instant }) => now.getTime() - instant.getTime() < ORDER_TOLD_MS),
  };
}

/** Of the sets that were looked at, and of the set that the last scheduled drill restored. */
async function newestDrill(
  deps: Deps,
  sets: readonly ListedSet[],
  entries: readonly EntryStatus[],
): Promise<Status['drill']> {
  const known = new Set(sets.map(({ timestamp }) => timestamp));
  const drilled = entries
    .filter(({ entry }) => entry.job === 'drill')
    .flatMap(({ last }) => last?.end?.set ?? [])
    .filter((timestamp) => !known.has(timestamp));
  const others = await Promise.all(drilled.map((timestamp) => describeApart(deps, timestamp)));
  const found = [...sets, ...others].flatMap((set) =>
    set?.drill === undefined ? [] : [{ ...set.drill, set: set.timestamp }],
  );
  return found.toSorted((a, b) => (a.at < b.at ? 1 : -1))[0];
}

/** One LIST; three GETs for each of the newest requests. */
async function openRequests(context: ClusterContext, deps: Deps) {
  const token = await knownToken(context);
  const found = await describeRequests(deps, REQUESTS_MAX);
  return found
    .map((one) => ({ ...one, state: shownState(one, token) }))
    .filter(({ state }) => OPEN.has(state));
}

const OPEN: ReadonlySet<ShownState> = new Set(['waiting', 'lost', 'forged', 'unproven']);

/** Restores of the last day without an outcome. */
async function runningRestores(deps: Deps, now: Date): Promise<string[]> {
  const { store, signal } = deps;
  const folders = await Array.fromAsync(store.listPrefixes(RESTORES, { signal }));
  const recent = folders
    .map((folder) => folder.slice(0, -1))
    .filter((id) => RestoreId.safeParse(id).success)
    .filter((id) => now.getTime() - dateOf(id.slice(0, 17)).getTime() < DAY_MS)
    .toSorted()
    .slice(-RESTORES_MAX);
  const running: string[] = [];
  for (const restore of recent) {
    const object = formatKey({ kind: 'outcome', restore });
    const isOpen = async () => (await store.head(object, { signal })) === undefined;
    const what = `whether restore ${restore} has ended is not known`;
    // The store refuses to show an outcome that is there.
    if (await apart(deps, what, isOpen, () => false)) running.push(restore);
  }
  return running;
}

async function copyStatus(
  { signal }: ClusterContext,
  replica: ObjectStore,
  complete: ListedSet | undefined,
): Promise<CopyStatus> {
  const root = replica.url;
  if (complete === undefined) return { root, hasNewest: undefined };
  const { timestamp } = complete;
  try {
    const found = await replica.head(formatKey({ kind: 'manifest', timestamp }), { signal });
    return { root, hasNewest: found !== undefined };
  } catch (error) {
    signal.throwIfAborted();
    return {
      root,
      hasNewest: undefined,
      trouble: String(error instanceof Error ? error.message : error),
    };
  }
}

async function agentsOf(
  { config }: ClusterContext,
  deps: Deps,
  now: Date,
  timestamp: string | undefined,
): Promise<AgentsStatus> {
  const { store, signal } = deps;
  const count = async (set: string, what: 'orders' | 'claims') =>
    (await Array.fromAsync(store.list(agentsPrefix(set, what), { signal }))).length;
  return {
    newest:
      timestamp === undefined
        ? undefined
        : { orders: await count(timestamp, 'orders'), claimed: await count(timestamp, 'claims') },
    heard: await heardOf(deps, now, ['agent']),
    wanted: config.segments.map(({ content, host, port }) => ({ content, host, port })),
  };
}
