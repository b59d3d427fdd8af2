import { mapInFlight } from '../../async/each-in-flight.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { dateOf } from '../../backup-set/base/timestamps.ts';
import { HEARTBEAT_ROLES } from '../../backup-set/documents/schedule/heartbeat.ts';
import type { Deps, Unreadable } from '../deps.ts';
import { type Heard, heardOf } from '../heard/heard.ts';
import { newestSets } from '../stored/newest.ts';
import { apart } from '../stored/unreadable.ts';
import type { Event } from './events.ts';
import { overdueEvents, statusOfSeen } from './overdue.ts';
import { noRuns, observeRuns, type SeenRuns } from './runs.ts';
import { type SeenEntry, scheduleObserver, type WatchedSchedule } from './schedule-runs.ts';
import { lookAgain, type SeenSet } from './seen-set.ts';
import { eventsOfSet } from './set-events.ts';
import { silentAgents } from './silent-agents.ts';

const DAY_MS = 24 * 3600_000;
/** Events older than this are past: docs/operations.md, Announcements. */
export const WINDOW_MS = 7 * DAY_MS;
/** A set that began within this time can get a verdict of which no event tells. */
const RECENT_MS = 2 * DAY_MS;
/** After this time all sets are looked at again, as by the sweeper. */
const ALL_AGAIN_MS = DAY_MS;
/** Sets that are observed, the newest first: bounds memory, and the first look at a large root. */
export const OBSERVED_MAX = 1000;
/** Sets that are looked at side by side: each is two or three small requests. */
const LOOKS_IN_FLIGHT = 8;

/** What was observed under a root: the newest set first. */
export interface Observed {
  readonly now: Date;
  readonly sets: readonly SeenSet[];
  readonly runs: SeenRuns;
  /** Entries of the schedule; none without one. */
  readonly schedule: readonly SeenEntry[];
  /** Agents and runners that were heard in the last 7 days. */
  readonly heard: readonly Heard[];
  /** Of the last 7 days, oldest first. */
  readonly events: readonly Event[];
  /** Objects that this look went on without. */
  readonly unreadable: readonly Unreadable[];
}

export interface ObserverOptions {
  /** Age of the newest complete set of a database at which a backup is overdue; absent = never. */
  readonly overdueAfterMs?: number | undefined;
  readonly schedule?: WatchedSchedule | undefined;
}

export interface Observer {
  /** Call for the key of every new verdict: the next look reads its set again. */
  note(timestamp: string): void;
  /** @throws StowageError of the store. */
  look(): Promise<Observed>;
}

/** Looks at the bucket again and again, and reads only what is new. */
export function observer(
  given: Deps,
  { overdueAfterMs, schedule }: ObserverOptions = {},
): Observer {
  const unreadable = new Map<string, Unreadable>();
  const deps: Deps = {
    ...given,
    onUnreadable(found) {
      unreadable.set(found.object, found);
      given.onUnreadable?.(found);
    },
  };
  let sets = new Map<string, SeenSet>();
  const runs = noRuns();
  const lookAtSchedule = scheduleObserver(deps, schedule);
  const noted = new Set<string>();
  let isDenied = false;
  let allAt = Number.NEGATIVE_INFINITY;

  async function lookAtSets(now: Date): Promise<void> {
    const all = now.getTime() - allAt > ALL_AGAIN_MS;
    const again = new Set(noted);
    const timestamps: string[] = [];
    for await (const timestamp of newestSets(deps)) {
      if (timestamps.length === OBSERVED_MAX) break;
      timestamps.push(timestamp);
    }
    const seen = await mapInFlight(timestamps, LOOKS_IN_FLIGHT, async (timestamp) => {
      const known = sets.get(timestamp);
      const recent = now.getTime() - dateOf(timestamp).getTime() < RECENT_MS;
      const isLast = known !== undefined && isFinal(known);
      const keep = isLast && !all && !recent && !again.has(timestamp);
      if (keep) return known;
      const look = () => lookAgain(deps, timestamp, known);
      const before = (): SeenSet => ({
        ...(known ?? { timestamp, verdicts: [] }),
        isPartly: true,
      });
      return apart(deps, `set ${timestamp} cannot be observed`, look, before);
    });
    sets = new Map(seen.map((set) => [set.timestamp, set]));
    // Only now: after a failure the next look must read them.
    for (const timestamp of again) noted.delete(timestamp);
    if (all) allAt = now.getTime();
  }

  /** Without the right, which earlier policies do not have, the other metrics are still there. */
  async function heardFrom(now: Date): Promise<readonly Heard[]> {
    try {
      return await heardOf(deps, now, HEARTBEAT_ROLES);
    } catch (error) {
      if (!isStowageError(error, 'storage/denied')) throw error;
      if (!isDenied) deps.log.warn({ err: error }, 'the heartbeats cannot be read');
      isDenied = true;
      return [];
    }
  }

  return {
    note: (timestamp) => noted.add(timestamp),
    async look() {
      unreadable.clear();
      const now = await deps.store.now({ signal: deps.signal });
      const since = new Date(now.getTime() - WINDOW_MS);
      await lookAtSets(now);
      await observeRuns(deps, runs, since);
      const scheduled = await lookAtSchedule(now, since);
      const list = [...sets.values()];
      const events = [
        ...list.flatMap(eventsOfSet),
        ...[...runs.events.values()].flat(),
        ...scheduled.events,
        ...(await agentEvents(deps, list, now)),
      ].filter(({ at }) => at >= since);
      const overdue = overdueAfterMs === undefined ? [] : overdueEvents(list, now, overdueAfterMs);
      const all = [...events, ...overdue].toSorted(byTime);
      const heard = await heardFrom(now);
      return {
        ...{ now, sets: list, runs, schedule: scheduled.entries, heard, events: all },
        unreadable: [...unreadable.values()],
      };
    },
  };
}

/**
 * An old set can still be committed: a copy, an adopted set, a backup whose receipts come late. One
 * with an object that cannot be read is read again: the store may give it away later.
 */
const isFinal = (set: SeenSet) =>
  ['complete', 'damaged'].includes(statusOfSeen(set)) && set.isPartly !== true;

const byTime = (a: Event, b: Event) => a.at.getTime() - b.at.getTime();

/** Sets without a verdict that began within a day: others are judged, or overdue. */
async function agentEvents(deps: Deps, sets: readonly SeenSet[], now: Date): Promise<Event[]> {
  const events: Event[] = [];
  for (const { timestamp, verdicts } of sets) {
    if (now.getTime() - dateOf(timestamp).getTime() > DAY_MS) break;
    if (verdicts.length > 0) continue;
    const event = await silentAgents(deps, timestamp, now);
    if (event !== undefined) events.push(event);
  }
  return events;
}
