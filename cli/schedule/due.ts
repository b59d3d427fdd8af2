import type { Entry } from './entries.ts';
import { jitterOf, latestAt } from './times.ts';

/** A run that is due. */
export interface DueRun {
  readonly entry: Entry;
  /** The time that the expression names: the run's key. */
  readonly instant: Date;
  /** A missed run that is caught up. */
  readonly isLate: boolean;
}

export interface DueInput {
  readonly root: string;
  /** By the store's clock. */
  readonly now: Date;
  /** Since when this runner looks. Older instants were missed by it. */
  readonly since: Date;
  /** The newest recorded run of each entry. */
  readonly lastRun: (entry: string) => Date | undefined;
  /** The newest order of an entry that no runner has taken. */
  readonly ordered?: (entry: string) => Date | undefined;
}

/** A run that begins so much after its time is late. */
const LATE_MS = 60_000;
/** A runner looks for orders once a minute, and EventBridge delivers within one. */
const LATE_ORDER_MS = 300_000;

/**
 * What is due now, the oldest instant first. An entry is due once, for the newest instant that has
 * passed, however many were missed. An instant before `since` needs an earlier run of its entry:
 * otherwise a new entry would run at once. An order needs none, and knows no jitter.
 */
export function dueRuns(entries: readonly Entry[], input: DueInput): DueRun[] {
  const { root, now, since, lastRun, ordered = () => undefined } = input;
  const due: DueRun[] = [];
  for (const entry of entries) {
    const last = lastRun(entry.name);
    const order = ordered(entry.name);
    if (order !== undefined && order <= now && (last === undefined || last < order)) {
      const lateMs = now.getTime() - order.getTime();
      const isLate = lateMs > LATE_ORDER_MS;
      if (!isLate || lateMs <= entry.catchUpMs) due.push({ entry, instant: order, isLate });
    }
    const instant = latestAt(entry, now);
    if (instant === undefined || instant.getTime() === order?.getTime()) continue;
    if (last !== undefined && last >= instant) continue;
    const lateMs =
      now.getTime() - instant.getTime() - jitterOf(root, entry.name, instant, entry.jitterMs);
    if (lateMs < 0) continue;
    const isLate = lateMs > LATE_MS;
    if (isLate && lateMs > entry.catchUpMs) continue;
    if (instant < since && last === undefined) continue;
    due.push({ entry, instant, isLate });
  }
  return due.sort((a, b) => a.instant.getTime() - b.instant.getTime());
}
