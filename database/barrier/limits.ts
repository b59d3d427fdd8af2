import type { Lockable } from '../catalog/relations.ts';
import type { BarrierNode } from './node.ts';
import type { AttemptFailure } from './step.ts';

/**
 * Many short waits, each within lock_timeout, add up while writers are blocked. Past
 * deadlock_timeout the server would cancel a writer that we block and wait for. So one attempt may
 * take this share of deadlock_timeout, and the time of the locking itself: 0.05 to 0.3 ms per
 * relation were measured. On a slow server, a little longer than ACCESS SHARE on the same tables
 * took.
 */
const DEADLOCK_TIMEOUT_SHARE = 0.9;
const MS_PER_RELATION = 0.2;
const MS_PER_RELATION_MAX = 1;
const HELD_SHARE = 1.5;
/**
 * The lock timeout grows with the attempts, from this to lockTimeoutMs. A writer that spans two
 * servers can wait for our lock on one while we wait for its lock on the other. No server sees this
 * deadlock: it ends when our attempt times out.
 */
const LOCK_TIMEOUT_MS_FIRST = 100;
/** Over deadlock_timeout: see `lockTimeoutOf`. */
const AUTOVACUUM_MARGIN_MS = 500;

/** The longest time of one attempt to lock all relations against writers. */
export function attemptLimitMs(
  nodes: readonly BarrierNode[],
  lockTimeoutMs: number,
  relations: readonly (readonly Lockable[])[],
  heldMs: number,
): number {
  const deadlockTimeoutMs = Math.min(...nodes.map((node) => node.deadlockTimeoutMs));
  const longestList = Math.max(0, ...relations.map((list) => list.length));
  return (
    Math.max(lockTimeoutMs, deadlockTimeoutMs * DEADLOCK_TIMEOUT_SHARE) +
    Math.max(
      longestList * MS_PER_RELATION,
      Math.min(heldMs * HELD_SHARE, longestList * MS_PER_RELATION_MAX),
    )
  );
}

/**
 * While waits are shorter than deadlock_timeout the server does not search for deadlocks, so it
 * cancels no session for us. Autovacuum is the exception: the server cancels its worker in favour
 * of a waiting session, but only when it searches, and the worker starts again later. So when only
 * autovacuum blocked the last attempt, the next one waits longer than deadlock_timeout.
 */
export function lockTimeoutOf(
  last: AttemptFailure | undefined,
  attempt: number,
  longestMs: number,
): number {
  const growingMs = Math.min(longestMs, LOCK_TIMEOUT_MS_FIRST * 2 ** (attempt - 1));
  if (last?.failure.kind !== 'blocked') return growingMs;
  const blockers = last.failure.wait?.blockers ?? [];
  const onlyAutovacuum = blockers.length > 0 && blockers.every(({ isAutovacuum }) => isAutovacuum);
  return onlyAutovacuum
    ? Math.max(growingMs, last.node.deadlockTimeoutMs + AUTOVACUUM_MARGIN_MS)
    : growingMs;
}
