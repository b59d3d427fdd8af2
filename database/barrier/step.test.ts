import { expect, test } from 'vitest';
import type { BarrierNode, LockFailure } from './node.ts';
import { barrierTimedOut, blockedOf, onAllNodes } from './step.ts';

const quiet = { query: () => Promise.resolve([]), target: {}, destroy: () => Promise.resolve() };
const NODE = {
  segment: { content: 3, host: 'sdw1', port: 6000 },
  ...{ holder: quiet, locker: quiet, monitor: quiet },
} as unknown as BarrierNode;

/** What a step finds that is cancelled after 5 ms while it waits for `wait`. */
const cancelled = (wait: Extract<LockFailure, { kind: 'blocked' }>['wait']) =>
  onAllNodes([NODE], { limitMs: 5, signal: undefined }, async (_, over) => {
    await new Promise((resolve) => over.addEventListener('abort', resolve));
    return { kind: 'blocked', wait, cause: undefined };
  });

test('locks that no session blocked are late, and the error does not blame a session', async () => {
  const failed = await cancelled(undefined);
  expect(failed && blockedOf(failed, 2)).toEqual({
    ...{ content: 3, attempt: 2, relation: '', blockers: [], lateMs: 5 },
  });
  const { code, message } = barrierTimedOut(failed, 4);
  expect([code, message]).toEqual([
    'database/locked',
    expect.stringContaining('not locked within 0.005 s in each of 4 attempts: no session blocked'),
  ]);
});

test('a lock that a session holds is not late, however long it was awaited', async () => {
  const failed = await cancelled({ relation: 'public.t', blockers: [] });
  expect(failed && blockedOf(failed, 1)).toEqual({
    ...{ content: 3, attempt: 1, relation: 'public.t', blockers: [] },
  });
});
