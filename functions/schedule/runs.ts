import type * as z from 'zod';
import { mapInFlight } from '../../async/each-in-flight.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { runsOfMonth } from '../../backup-set/base/keys/schedule-keys.ts';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { dateOf, instantOf } from '../../backup-set/base/timestamps.ts';
import { RunEnd, RunOrder, RunStart } from '../../backup-set/documents/schedule/schedule.ts';
import type { Deps } from '../deps.ts';
import { READS_IN_FLIGHT } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';
import { holderOf, SLOT_MS, slotOf } from './lease.ts';

/** A run of an entry, by the keys that exist. */
export interface ListedRun {
  readonly entry: string;
  readonly instant: Date;
  readonly hasEnded: boolean;
  /** When the store got `start.json` and `end.json`: the clocks of runners may differ. */
  readonly startedAt?: Date | undefined;
  readonly endedAt?: Date | undefined;
}

/** A run with its documents. */
export interface ScheduledRun extends ListedRun {
  /** Undefined = it cannot be read. */
  readonly start: RunStart | undefined;
  readonly end: RunEnd | undefined;
  readonly state: RunState;
}

/** `lost`: it has no end, and its runner holds no lease any more, or its time is over. */
export type RunState = 'running' | 'lost' | 'done' | 'failed';

/** A runner ends a child at its timeout, and writes the end soon after. */
const ENDING_MS = 300_000;

/**
 * Creates the start of a run. Of all runners one succeeds.
 * @returns false when the run has been started already.
 */
export async function createStart(deps: Deps, start: RunStart): Promise<boolean> {
  const { entry, scheduledAt } = start;
  const instant = instantOf(new Date(scheduledAt));
  const key = formatKey({ kind: 'schedule-run', instant, entry, file: 'start' });
  return created(deps, key, encode(RunStart, start));
}

/** Creates the end of a run; an end that exists stays. */
export async function createEnd(
  deps: Deps,
  end: Omit<RunEnd, 'format' | 'version'>,
): Promise<boolean> {
  const instant = instantOf(new Date(end.scheduledAt));
  const key = formatKey({ kind: 'schedule-run', instant, entry: end.entry, file: 'end' });
  const document: RunEnd = { format: 'stowage/schedule-end', version: FORMAT_VERSION, ...end };
  return created(deps, key, encode(RunEnd, document));
}

/**
 * Asks for a run of an entry at an instant: a runner with this entry starts it, once.
 * @returns false when the same was asked for before.
 */
export async function createOrder(
  deps: Deps,
  { entry, instant, by }: { readonly entry: string; readonly instant: Date; readonly by: string },
): Promise<boolean> {
  const key = formatKey({ kind: 'schedule-order', instant: instantOf(instant), entry });
  const order: RunOrder = {
    format: 'stowage/schedule-order',
    version: FORMAT_VERSION,
    entry,
    scheduledAt: instant.toISOString(),
    orderedAt: deps.clock().toISOString(),
    by,
  };
  return created(deps, key, encode(RunOrder, order));
}

async function created(deps: Deps, key: string, bytes: Uint8Array): Promise<boolean> {
  try {
    await deps.store.create(key, bytes, { signal: deps.signal });
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    return false;
  }
}

/** Whether a run of this entry and instant was started. One request. */
export async function isStarted(deps: Deps, entry: string, instant: Date): Promise<boolean> {
  const at = instantOf(instant);
  const key = formatKey({ kind: 'schedule-run', instant: at, entry, file: 'start' });
  return (await deps.store.head(key, { signal: deps.signal })) !== undefined;
}

/**
 * The runs of this and the last UTC month, oldest first. Two requests, and one more for each 1,000
 * objects: two objects a run.
 */
export async function listRuns(deps: Deps, now: Date): Promise<ListedRun[]> {
  return (await listSchedule(deps, now)).runs;
}

export interface ListedSchedule {
  readonly runs: ListedRun[];
  /** The newest order of each entry that is newer than its newest run. */
  readonly orders: ReadonlyMap<string, Date>;
}

/** The runs, and the orders that no runner has taken, by the same requests. */
export async function listSchedule(deps: Deps, now: Date): Promise<ListedSchedule> {
  const runs = new Map<string, ListedRun>();
  const orders = new Map<string, Date>();
  for (const month of monthsUntil(now))
    for await (const { key, modifiedAt } of deps.store.list(runsOfMonth(month), {
      signal: deps.signal,
    })) {
      const parsed = parseKey(key);
      // Keys are listed in the order of their instants.
      if (parsed?.kind === 'schedule-order') orders.set(parsed.entry, dateOf(parsed.instant));
      if (parsed?.kind !== 'schedule-run') continue;
      const { instant, entry, file } = parsed;
      const id = `${instant}-${entry}`;
      const known = runs.get(id) ?? { entry, instant: dateOf(instant), hasEnded: false };
      const found =
        file === 'end' ? { hasEnded: true, endedAt: modifiedAt } : { startedAt: modifiedAt };
      runs.set(id, { ...known, ...found });
    }
  const listed = [...runs.values()].sort((a, b) => a.instant.getTime() - b.instant.getTime());
  for (const { entry, instant } of listed)
    if ((orders.get(entry) ?? instant) <= instant) orders.delete(entry);
  return { runs: listed, orders };
}

/** A runner looks for orders once a minute. */
export const ORDER_TAKEN_MS = 1_800_000;
/** After that an order is too old to be worth an alarm: the next one has one of its own. */
const ORDER_TOLD_MS = 86_400_000;

/** The orders that a runner should have taken and has not, of the last day. */
export async function ordersNotTaken(deps: Deps): Promise<number> {
  const now = await deps.store.now({ signal: deps.signal });
  const { orders } = await listSchedule(deps, now);
  const ages = [...orders.values()].map((instant) => now.getTime() - instant.getTime());
  return ages.filter((ms) => ms > ORDER_TAKEN_MS && ms <= ORDER_TOLD_MS).length;
}

/** `202610` and `202611`. */
function monthsUntil(now: Date): string[] {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const digits = (date: Date) => instantOf(date).slice(0, 6);
  return [digits(new Date(Date.UTC(year, month - 1, 1))), digits(new Date(Date.UTC(year, month)))];
}

/** The newest run of each entry, of those that were listed. */
export function newestRuns(runs: readonly ListedRun[]): ReadonlyMap<string, ListedRun> {
  return new Map(runs.map((run) => [run.entry, run]));
}

/** Reads the documents of runs: one or two requests each. */
export function readRuns(
  deps: Deps,
  runs: readonly ListedRun[],
  now: Date,
): Promise<ScheduledRun[]> {
  return mapInFlight([...runs], READS_IN_FLIGHT, async (run) => {
    const start = await readAs(deps, run, 'start', RunStart);
    const end = run.hasEnded ? await readAs(deps, run, 'end', RunEnd) : undefined;
    const state = stateOf(run, start, end, now);
    const isLost = state === 'running' && !(await isHeld(deps, run, start, now));
    return { ...run, start, end, state: isLost ? 'lost' : state };
  });
}

export function stateOf(
  { instant, hasEnded, startedAt }: ListedRun,
  start: Pick<RunStart, 'startedAt' | 'timeoutSeconds'> | undefined,
  end: Pick<RunEnd, 'exitCode'> | undefined,
  now: Date,
): RunState {
  if (hasEnded) return end?.exitCode === 0 ? 'done' : 'failed';
  const begun = (startedAt ?? (start ? new Date(start.startedAt) : instant)).getTime();
  const limitMs = (start?.timeoutSeconds ?? 0) * 1000 + ENDING_MS;
  return now.getTime() > begun + limitMs ? 'lost' : 'running';
}

/**
 * Whether the runner of a run can still be at work: it holds the lease of this or the last slot, or
 * one that cannot be read, or it has just begun. At most two requests.
 */
async function isHeld(
  deps: Deps,
  { startedAt }: ListedRun,
  start: RunStart | undefined,
  now: Date,
): Promise<boolean> {
  if (start === undefined || startedAt === undefined) return true;
  if (now.getTime() - startedAt.getTime() < 2 * SLOT_MS) return true;
  const slot = slotOf(now.getTime(), SLOT_MS);
  for (const begin of [slot, slot - SLOT_MS]) {
    const holder = await holderOf(deps, 'schedule', begin);
    if (holder === 'unreadable' || holder?.holder === start.holder) return true;
  }
  return false;
}

async function readAs<Schema extends z.ZodType>(
  deps: Deps,
  { entry, instant }: ListedRun,
  file: 'start' | 'end',
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const key = formatKey({ kind: 'schedule-run', instant: instantOf(instant), entry, file });
  return tryRead(deps, key, schema);
}
