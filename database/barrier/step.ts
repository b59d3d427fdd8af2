import { setTimeout as sleep } from 'node:timers/promises';
import { type BarrierNode, type LockFailure, stopWaiting } from './node.ts';

/** The node that kept an attempt from succeeding. */
export interface AttemptFailure {
  readonly node: BarrierNode;
  readonly failure: LockFailure;
}

/** A cancel that arrives between two statements is lost: it is sent again until nobody waits. */
const RECALL_EVERY_MS = 100;

/**
 * Runs a locking step on all nodes at once. As soon as one fails, or the time is up, or the signal fires, the others
 * are called back from their queues. Returns the first failure, once nobody waits any more.
 */
export async function onAllNodes(
  nodes: readonly BarrierNode[],
  bounds: { readonly limitMs?: number; readonly signal: AbortSignal | undefined },
  step: (node: BarrierNode, recalled: AbortSignal) => Promise<LockFailure | undefined>,
): Promise<AttemptFailure | undefined> {
  const waiting = new Set(nodes);
  const recalled = new AbortController();
  let first: AttemptFailure | undefined;
  let recalling: Promise<void> | undefined;
  const recall = () => {
    recalled.abort();
    recalling ??= cancelWaiters(waiting);
  };
  const limit = bounds.limitMs === undefined ? undefined : setTimeout(recall, bounds.limitMs);
  bounds.signal?.addEventListener('abort', recall, { once: true });
  try {
    const steps = nodes.map(async (node) => {
      let stands = false;
      try {
        const failure = await step(node, recalled.signal);
        stands = failure === undefined;
        if (failure !== undefined) first ??= { node, failure };
      } finally {
        waiting.delete(node);
        if (!stands) recall();
      }
    });
    const outcomes = await Promise.allSettled(steps);
    const broken = outcomes.find((outcome) => outcome.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
    bounds.signal?.throwIfAborted();
    return first;
  } finally {
    clearTimeout(limit);
    bounds.signal?.removeEventListener('abort', recall);
    await recalling;
  }
}

async function cancelWaiters(waiting: ReadonlySet<BarrierNode>): Promise<void> {
  while (waiting.size > 0) {
    // A node whose monitor is broken fails by itself in its next statement.
    await Promise.all([...waiting].map((node) => stopWaiting(node).catch(() => {})));
    if (waiting.size > 0) await sleep(RECALL_EVERY_MS);
  }
}
