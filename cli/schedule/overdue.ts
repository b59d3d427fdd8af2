import type { MissedInput, WatchedSchedule } from '../../functions/observe/schedule-runs.ts';
import { ORDER_TAKEN_MS } from '../../functions/schedule/runs.ts';
import type { Config } from '../config/schema.ts';
import { type Entry, entriesOf } from './entries.ts';
import { jitterOf, latestAt } from './times.ts';

/** A run that has not begun so long after its time is overdue. */
const OVERDUE_MS = ORDER_TAKEN_MS;

/**
 * The order that no runner has taken, or the newest instant of an entry that has passed and has no
 * run, although earlier ones have. While another run is running it is not overdue, unless it is
 * then too late to be caught up.
 */
export function overdueInstant(
  entry: Entry,
  root: string,
  seen: Omit<MissedInput, 'last'> & { readonly last: Date | undefined },
): Date | undefined {
  return overdueOrder(entry, seen) ?? overdueTime(entry, root, seen);
}

function overdueOrder(
  { catchUpMs }: Entry,
  { ordered, isBusy, now }: Pick<MissedInput, 'ordered' | 'isBusy' | 'now'>,
): Date | undefined {
  if (ordered === undefined) return undefined;
  const lateMs = now.getTime() - ordered.getTime();
  return lateMs <= OVERDUE_MS || (isBusy && lateMs <= catchUpMs) ? undefined : ordered;
}

function overdueTime(
  entry: Entry,
  root: string,
  { last, isBusy, now }: Omit<MissedInput, 'last'> & { readonly last: Date | undefined },
): Date | undefined {
  const instant = latestAt(entry, new Date(now.getTime() - OVERDUE_MS));
  // A new entry is not overdue.
  if (instant === undefined || last === undefined || last >= instant) return undefined;
  const delay = jitterOf(root, entry.name, instant, entry.jitterMs);
  const lateMs = now.getTime() - instant.getTime() - delay;
  if (lateMs <= OVERDUE_MS || (isBusy && lateMs <= entry.catchUpMs)) return undefined;
  return instant;
}

/** The schedule of a configuration, for `serve` and `sweep`, which tell of its runs. */
export function watchedSchedule(
  config: Pick<Config, 'schedule'>,
  root: string,
): WatchedSchedule | undefined {
  const entries = new Map(entriesOf(config).map((entry) => [entry.name, entry]));
  if (entries.size === 0) return undefined;
  return {
    entries: [...entries.keys()],
    missed(name, seen) {
      const entry = entries.get(name);
      return entry && overdueInstant(entry, root, seen);
    },
  };
}
