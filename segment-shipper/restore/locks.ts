import type { LockWatch } from '../../database/lock-watch/watch.ts';

/** A program that uses the target may hold a lock for a moment; it should not use it at all. */
const LOCK_WAIT_MS = 60_000;

interface OrderOfContent {
  readonly timestamp: string;
  readonly content: number;
}

/** What the names of all sessions begin with that carry out an order, those of pg_restore too. */
export function labelOf({ timestamp, content }: OrderOfContent): string {
  return `stowage restore ${timestamp} content ${content}`;
}

/** Sessions of one order wait for each other: only other programs count. */
export function restoreWatch(order: OrderOfContent): LockWatch {
  return {
    own: { name: labelOf(order) },
    limitMs: LOCK_WAIT_MS,
    advice: 'End that session, keep other programs away from the target, and restore again',
  };
}
