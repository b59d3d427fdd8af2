import { onAbort } from '../../async/abort.ts';
import { pause } from '../../async/poll.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Blocked, Segment } from '../flavour.ts';
import { describeBlocker } from './blocker.ts';
import { giveUp, reactionMsMax } from './deadline.ts';
import {
  type BarrierNode,
  cancelStatements,
  type LockFailure,
  lockingSessions,
  rollBack,
} from './node.ts';

/** The node that made an attempt fail. */
export interface AttemptFailure<Node extends { readonly segment: Segment } = BarrierNode> {
  readonly node: Node;
  readonly failure: LockFailure;
}

/**
 * A cancel that arrives between two statements has no effect: it is sent again until the step ends.
 */
const CANCEL_EVERY_MS = 100;

/**
 * Runs a locking step on all nodes at once. When one fails, the time is up or the signal fires, the
 * waiting statements of the others are cancelled, and what has been locked is released. Returns the
 * first failure when all steps have ended.
 */
export async function onAllNodes(
  nodes: readonly BarrierNode[],
  bounds: { readonly limitMs?: number; readonly signal: AbortSignal | undefined },
  step: (node: BarrierNode, cancelled: AbortSignal) => Promise<LockFailure | undefined>,
): Promise<AttemptFailure | undefined> {
  const running = new Set(nodes);
  const cancelled = new AbortController();
  let first: AttemptFailure | undefined;
  let cancelling: Promise<void> | undefined;
  const cancel = () => {
    cancelled.abort();
    // Another node may not react for a while: no session of this one must wait for that.
    for (const node of nodes) if (!running.has(node)) release(node);
    cancelling ??= cancelUntilEnded(running);
  };
  let lateMs: number | undefined;
  const onLimit = () => {
    lateMs = bounds.limitMs;
    cancel();
  };
  const limit = bounds.limitMs === undefined ? undefined : setTimeout(onLimit, bounds.limitMs);
  using _ = onAbort(bounds.signal, cancel);
  try {
    const steps = nodes.map(async (node) => {
      let isLocked = false;
      try {
        const failure = await step(node, cancelled.signal);
        isLocked = failure === undefined;
        if (failure !== undefined) first ??= { node, failure };
      } finally {
        running.delete(node);
        if (!isLocked) cancel();
        else if (cancelled.signal.aborted) {
          // Locked too late: other nodes have released their locks.
          first ??= { node, failure: { kind: 'blocked', wait: undefined, cause: undefined } };
          release(node);
        }
      }
    });
    const outcomes = await Promise.allSettled(steps);
    const broken = outcomes.find((outcome) => outcome.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
    bounds.signal?.throwIfAborted();
    return lateMs === undefined ? first : late(first, lateMs);
  } finally {
    clearTimeout(limit);
    await cancelling;
  }
}

/** When the time was up and no session blocked the node, its locking was only slow. */
function late(first: AttemptFailure | undefined, lateMs: number): AttemptFailure | undefined {
  if (first?.failure.kind !== 'blocked' || first.failure.wait !== undefined) return first;
  return { ...first, failure: { ...first.failure, lateMs } };
}

/** Rolls back in the background: `abandon` does it again, and finds no transaction. */
function release(node: BarrierNode): void {
  for (const session of lockingSessions(node)) void rollBack(session).catch(() => undefined);
}

async function cancelUntilEnded(running: ReadonlySet<BarrierNode>): Promise<void> {
  const since = performance.now();
  const limitMs = reactionMsMax(running);
  while (running.size > 0) {
    // A node whose monitor is broken fails by itself in its next statement. A silent monitor must
    // not delay the other nodes, or the end.
    const cancelling = [...running].map((node) => cancelStatements(node).catch(() => {}));
    await Promise.race([Promise.all(cancelling), pause(limitMs)]);
    if (running.size > 0) await pause(CANCEL_EVERY_MS);
    if (performance.now() - since > limitMs) await Promise.all([...running].map(giveUp));
  }
}

/** A failed attempt as the operator sees it. */
export function blockedOf(
  { node, failure }: AttemptFailure<{ segment: Segment }>,
  attempt: number,
): Blocked {
  const wait = failure.kind === 'blocked' ? failure.wait : undefined;
  const blockers = (wait?.blockers ?? []).map(({ isAutovacuum: _, ...blocker }) => blocker);
  const lateMs = failure.kind === 'blocked' ? failure.lateMs : undefined;
  const { content } = node.segment;
  const late = lateMs !== undefined && { lateMs };
  return { content, attempt, relation: wait?.relation ?? '', blockers, ...late };
}

/** The error when all attempts have failed: the relation, and the sessions that blocked it. */
export function barrierTimedOut(
  last: AttemptFailure<{ segment: Segment }> | undefined,
  attemptsMax: number,
): StowageError {
  if (last === undefined)
    return new StowageError('database/locked', 'no lock was taken: backup.lockAttempts is 0');
  const { content, relation, blockers, lateMs } = blockedOf(last, attemptsMax);
  const where = { content, ...(relation === '' ? {} : { relation }) };
  if (last.failure.kind === 'changed') {
    const message = `tables of content ${content} were created, dropped or renamed in each of ${plural(attemptsMax, 'attempt')} to lock them`;
    return new StowageError('database/locked', message, { where });
  }
  if (lateMs !== undefined) {
    const message = `the tables of content ${content} were not locked within ${lateMs / 1000} s in each of ${plural(attemptsMax, 'attempt')}: no session blocked them, the server is slow for so many tables. Writers wait for all of these locks: back up with backup.snapshot: dispatch (Greenplum), when the servers do less, or fewer tables`;
    return new StowageError('database/locked', message, { where });
  }
  const sessions = blockers.map(describeBlocker);
  const blockedBy =
    sessions.length === 0 ? 'sessions that ended before they could be listed' : sessions.join('; ');
  const message = `cannot lock ${relation || 'a table'} of content ${content} (${plural(attemptsMax, 'attempt')}): blocked by ${blockedBy}`;
  return new StowageError('database/locked', message, { cause: last.failure.cause, where });
}
