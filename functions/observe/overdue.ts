import { dateOf } from '../../backup-set/base/timestamps.ts';
import { timeText } from './amounts.ts';
import type { Event } from './events.ts';
import type { SeenSet } from './seen-set.ts';
import { eventsOfSet } from './set-events.ts';

/** The status of a set by its verdicts; `open` before the first. */
export function statusOfSeen(set: SeenSet): 'open' | 'complete' | 'incomplete' | 'damaged' {
  const last = eventsOfSet(set).findLast(({ name }) => STATUS_OF[name] !== undefined);
  return (last && STATUS_OF[last.name]) ?? 'open';
}

const STATUS_OF: Readonly<Record<string, 'complete' | 'incomplete' | 'damaged' | undefined>> = {
  'set-complete': 'complete',
  'set-verified': 'complete',
  'set-incomplete': 'incomplete',
  'set-damaged': 'damaged',
};

/** Whether the newest verdict is good, and none that cannot be read may say something else. */
export const isComplete = (set: SeenSet): boolean =>
  !set.isInDoubt && statusOfSeen(set) === 'complete';

/** The newest complete set of each database, by its name. The newest set must be first. Pure. */
export function newestCompleteByDatabase(sets: readonly SeenSet[]): Map<string, SeenSet> {
  const newest = new Map<string, SeenSet>();
  for (const set of sets)
    if (set.facts && isComplete(set) && !newest.has(set.facts.database))
      newest.set(set.facts.database, set);
  return newest;
}

/**
 * One event per database whose newest complete set is too old. Its id follows from that set, so it
 * is announced once, until there is a newer set. Pure.
 */
export function overdueEvents(sets: readonly SeenSet[], now: Date, afterMs: number): Event[] {
  const events: Event[] = [];
  for (const [database, { timestamp, facts }] of newestCompleteByDatabase(sets)) {
    const ageMs = now.getTime() - dateOf(timestamp).getTime();
    if (ageMs <= afterMs) continue;
    events.push({
      id: `${timestamp}000-backup-overdue-${timestamp}`,
      name: 'backup-overdue',
      at: now,
      title: `the newest complete set of database ${database} is ${timeText(ageMs)} old (${timestamp}); a newer one is expected after ${timeText(afterMs)}`,
      problems: [],
      problemsTotal: 0,
      next: 'stowage list, then stowage backup',
      cluster: facts?.cluster,
      database,
      set: timestamp,
      stored: true,
    });
  }
  return events;
}
