import { setTimeout as sleep } from 'node:timers/promises';
import { StowageError } from '../../backup-set/base/errors.ts';
import { stallMsOf } from '../liveness/stalled.ts';
import { placeOf } from '../session/place.ts';
import { type BarrierNode, lockingSessions } from './node.ts';

/**
 * While SHARE is held, the writers of every server wait. So a server that does not react within
 * this time ends the attempt of all, before `stallSeconds`.
 */
export function reactionMsMax(nodes: Iterable<BarrierNode>): number {
  const limits = [...nodes].map(({ holder }) => stallMsOf(holder.target));
  return Math.min(REACTION_MS_MAX, ...limits);
}

const REACTION_MS_MAX = 10_000;

/** Ends the sessions of a node that does not react: what waits for them fails with this error. */
export async function giveUp(node: BarrierNode): Promise<void> {
  const { holder, monitor, segment } = node;
  const sessions = lockingSessions(node);
  const { content } = segment;
  const message = `${placeOf(holder.target)} did not react for ${reactionMsMax([node]) / 1000} s while the snapshot was taken: process ${sessions.map(({ pid }) => pid).join(' or ')} is stopped or hangs, or the network is silent. The locks on the other servers were released`;
  const error = new StowageError('database/stalled', message, { where: { content } });
  await Promise.all([...sessions, monitor].map((session) => session.destroy(error)));
}

/**
 * Runs a step that takes milliseconds on all nodes at once. When a node does not finish in time,
 * the locks of all nodes are released.
 * @throws StowageError `database/stalled` naming the node, and the errors of `step`.
 */
export async function onAllInTime<T>(
  nodes: readonly BarrierNode[],
  step: (node: BarrierNode) => Promise<T>,
): Promise<T[]> {
  const running = new Set(nodes);
  const over = new AbortController();
  const deadline = sleep(reactionMsMax(nodes), undefined, { signal: over.signal }).then(
    async () => {
      const finished = nodes.filter((node) => !running.has(node));
      await Promise.all([
        ...finished.map(({ locker }) => locker?.close()),
        ...[...running].map(giveUp),
      ]);
    },
    () => undefined,
  );
  try {
    return await Promise.all(
      nodes.map(async (node) => {
        const result = await step(node);
        running.delete(node);
        return result;
      }),
    );
  } finally {
    over.abort();
    await deadline;
  }
}
