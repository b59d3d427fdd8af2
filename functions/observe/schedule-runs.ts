import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import type { Deps } from '../deps.ts';
import { type ListedRun, listSchedule, readRuns, type ScheduledRun } from '../schedule/runs.ts';
import { timeText } from './amounts.ts';
import type { Event } from './events.ts';
import { expiryDone } from './expiry-event.ts';

/** The entries of a schedule of which an observer tells. */
export interface WatchedSchedule {
  readonly entries: readonly string[];
  /** The newest time of an entry that should have begun and has not. */
  missed(entry: string, seen: MissedInput): Date | undefined;
}

export interface MissedInput {
  /** The newest run; of an entry that never ran, when the observer began to look. */
  readonly last: Date;
  /** Another run of the schedule is running: they run one at a time. */
  readonly isBusy: boolean;
  readonly now: Date;
  /** The newest order that no runner has taken. */
  readonly ordered?: Date | undefined;
}

/** An entry, and whether its last run failed, died, or was missed. */
export interface SeenEntry {
  readonly entry: string;
  readonly isFailing: boolean;
}

export interface SeenSchedule {
  readonly events: readonly Event[];
  readonly entries: readonly SeenEntry[];
}

const NOTHING: SeenSchedule = { events: [], entries: [] };

/** Looks at the runs of a schedule again and again. Two LISTs a look, and two GETs per new run. */
export function scheduleObserver(deps: Deps, watched: WatchedSchedule | undefined) {
  let beganAt: Date | undefined;
  let isDenied = false;
  let ended = new Map<string, ScheduledRun>();
  const lostAt = new Map<string, Date>();

  async function look(schedule: WatchedSchedule, now: Date, since: Date): Promise<SeenSchedule> {
    beganAt ??= now;
    const known = new Set(schedule.entries);
    const { runs: all, orders } = await listSchedule(deps, now);
    const listed = all.filter(({ entry }) => known.has(entry));
    const newest = new Map(listed.map((run) => [run.entry, run]));
    const newestEnded = new Map(listed.filter((run) => run.hasEnded).map((r) => [r.entry, r]));
    const wanted = listed.filter(
      (run) =>
        run === newest.get(run.entry) ||
        run === newestEnded.get(run.entry) ||
        (run.hasEnded && run.instant >= since),
    );
    const fresh = await readRuns(
      deps,
      wanted.filter((run) => !ended.has(idOf(run))),
      now,
    );
    const read = new Map(fresh.map((run) => [idOf(run), run]));
    const runs = wanted.flatMap((run) => ended.get(idOf(run)) ?? read.get(idOf(run)) ?? []);
    ended = new Map(runs.filter((run) => run.end !== undefined).map((run) => [idOf(run), run]));
    const isBusy = runs.some(({ state }) => state === 'running');
    const events = runs.flatMap((run) => runEvents(run, firstLost(run, now)));
    const entries = schedule.entries.map((entry): SeenEntry => {
      const last = newest.get(entry)?.instant ?? beganAt ?? now;
      const missed = schedule.missed(entry, {
        last,
        isBusy,
        now,
        ordered: orders.get(entry),
      });
      if (missed !== undefined) events.push(missedEvent(entry, missed, now));
      const judged = runs.findLast((run) => run.entry === entry && run.state !== 'running');
      const isBad = judged?.state === 'failed' || judged?.state === 'lost';
      return { entry, isFailing: isBad || missed !== undefined };
    });
    return { events, entries };
  }

  /** A run that died has no document that says when. */
  function firstLost(run: ScheduledRun, now: Date): Date {
    if (run.state !== 'lost') return now;
    const at = lostAt.get(idOf(run)) ?? now;
    lostAt.set(idOf(run), at);
    return at;
  }

  return async (now: Date, since: Date): Promise<SeenSchedule> => {
    if (watched === undefined || watched.entries.length === 0) return NOTHING;
    try {
      return await look(watched, now, since);
    } catch (error) {
      if (!isStowageError(error, 'storage/denied')) throw error;
      if (!isDenied)
        deps.log.warn(
          { err: error },
          'the runs of the schedule cannot be read: those that fail are not announced',
        );
      isDenied = true;
      return NOTHING;
    }
  };
}

const idOf = ({ entry, instant }: ListedRun) => `${instantOf(instant)}-${entry}`;

/** A run that failed or died is an event, and one of expiry that changed something. Pure. */
export function runEvents(run: ScheduledRun, lostAt: Date): Event[] {
  const { entry, instant, state, end, start, endedAt } = run;
  if (state === 'done' && end?.expiry !== undefined) {
    const key = { kind: 'schedule-run', instant: instantOf(instant), entry, file: 'end' } as const;
    const done = expiryDone(end.expiry, {
      id: `${instantOf(instant)}-expiry-done-${entry}`,
      at: endedAt ?? new Date(end.endedAt),
      object: formatKey(key),
    });
    return done === undefined ? [] : [done];
  }
  if (state !== 'failed' && state !== 'lost') return [];
  const name = `run-${state}` as const;
  const file = state === 'lost' ? 'start' : 'end';
  const common = commonOf(entry, instant, name);
  if (state === 'lost')
    return [
      {
        ...common,
        at: lostAt,
        title: `scheduled ${entry} (${dueText(instant)}) began and has no end: its runner${start === undefined ? '' : ` (${start.by})`} died`,
        problems: [],
        problemsTotal: 0,
        object: formatKey({ kind: 'schedule-run', instant: instantOf(instant), entry, file }),
      },
    ];
  const how =
    end === undefined
      ? 'its end cannot be read'
      : end.exitCode === undefined
        ? `signal ${end.signal ?? 'unknown'}`
        : `exit code ${end.exitCode}`;
  const stopped = end?.stopped === undefined ? '' : `, ended by its runner: ${end.stopped}`;
  const took = end === undefined ? '' : ` after ${timeText(end.elapsedMs)}`;
  const problem =
    end?.message === undefined
      ? []
      : [`${end.message}${end.code === undefined ? '' : ` (${end.code})`}`];
  return [
    {
      ...common,
      at: endedAt ?? (end === undefined ? instant : new Date(end.endedAt)),
      title: `scheduled ${entry} (${dueText(instant)}) failed${took}: ${how}${stopped}`,
      problems: problem,
      problemsTotal: problem.length,
      object: formatKey({ kind: 'schedule-run', instant: instantOf(instant), entry, file }),
      ...(end?.set !== undefined && { set: end.set }),
      ...(end !== undefined && { numbers: { ms: end.elapsedMs } }),
    },
  ];
}

function missedEvent(entry: string, instant: Date, now: Date): Event {
  return {
    ...commonOf(entry, instant, 'run-missed'),
    at: now,
    title: `scheduled ${entry} (${dueText(instant)}) did not begin: no runner started it within ${timeText(now.getTime() - instant.getTime())}`,
    problems: [],
    problemsTotal: 0,
  };
}

function commonOf(entry: string, instant: Date, name: 'run-failed' | 'run-lost' | 'run-missed') {
  const id = `${instantOf(instant)}-${name}-${entry}`;
  const status = name.slice('run-'.length);
  return { id, name, status, next: 'stowage status', stored: true } as const;
}

const dueText = (instant: Date) => `due ${instant.toISOString().slice(0, 16)}Z`;
