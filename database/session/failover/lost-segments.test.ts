import { describe, expect, test } from 'vitest';
import {
  type ClusterState,
  describeLost,
  type Instance,
  isSegmentLoss,
  segmentDown,
  waitMsFor,
} from './lost-segments.ts';
import { contentIn } from './named-segment.ts';

const instance = (content: number, role: string, change: Partial<Instance> = {}): Instance => ({
  content,
  role,
  mode: 's',
  status: 'u',
  host: `sdw${content + 1}`,
  port: role === 'p' ? 6000 : 7000,
  ...change,
});
const state = (...instances: Instance[]): ClusterState => ({
  instances,
  probeIntervalSeconds: 60,
  probeRetries: 5,
});
const mirrored = state(
  instance(0, 'p'),
  instance(0, 'm'),
  instance(1, 'p'),
  instance(1, 'm', { status: 'd', mode: 'n' }),
);

/** As node-postgres gives them. */
const fromServer = (message: string, code: string, detail?: string) =>
  Object.assign(new Error(message), { code, severity: 'ERROR', detail });

const ACQUIRE = 'failed to acquire resources on one or more segments';

describe('a lost segment', () => {
  // As Greenplum 6.24.3 said it.
  test.each([
    [fromServer(ACQUIRE, '58M01', 'FTS detected one or more segments are down'), true, undefined],
    [
      fromServer(
        ACQUIRE,
        '58M01',
        'could not connect to server: Connection refused\n\tIs the server running on host "127.0.0.1" and accepting\n\tTCP/IP connections on port 7402?\n (seg1 127.0.0.1:7402)',
      ),
      true,
      1,
    ],
    [
      fromServer(
        'Error on receive from seg1 slice1 127.0.0.1:7404 pid=11463: server closed the connection unexpectedly',
        '58M01',
      ),
      true,
      1,
    ],
    [
      // The part behind the semicolon is ours.
      fromServer(
        'MPP detected 1 segment failures, system is reconnected; lost: content 3 (timeout expired)',
        '58M01',
      ),
      true,
      3,
    ],
    [fromServer('gang was lost due to cluster reconfiguration', 'XX000'), true, undefined],
    [fromServer('division by zero  (seg12 sdw3:6001 pid=77)', '22012'), false, 12],
    [fromServer('relation "seg7" does not exist', '42P01'), false, undefined],
    [new Error('connect ECONNREFUSED 127.0.0.1:7402'), false, undefined],
  ])('is seen, and named if the server names it: %s', (error, isLoss, content) => {
    const wrapped = new Error(`cannot set up a session: ${error.message}`, { cause: error });
    expect([isSegmentLoss(wrapped), contentIn(wrapped)]).toEqual([isLoss, content]);
  });

  test.each([
    ['with a mirror in sync: the time of FTS', [0], 330_000],
    ['whose mirror is down: the time of a restart', [1], 60_000],
    ['of which one has no mirror that is up', [0, 1], 60_000],
    ['that is not known, in a cluster with a mirror in sync', [], 330_000],
  ])('is waited for, %s', (_, lost, waitMs) => {
    expect(waitMsFor(lost, mirrored)).toBe(waitMs);
  });

  test('of a cluster without mirrors is waited for as long as a restart takes', () => {
    expect(waitMsFor([], state(instance(0, 'p')))).toBe(60_000);
  });

  test('is described with its primary and its mirror', () => {
    expect(describeLost([0, 1], mirrored)).toBe(
      'content 0 (sdw1:6000; its mirror sdw1:7000 is in sync), content 1 (sdw2:6000; its mirror sdw2:7000 is down)',
    );
    expect(describeLost([0], state(instance(0, 'p')))).toBe(
      'content 0 (sdw1:6000; it has no mirror)',
    );
  });

  test('is named in the error, with the reason of the server', () => {
    const cause = new Error('cannot set up a session', {
      cause: fromServer(ACQUIRE, '58M01', 'timeout expired\n (seg1 sdw2:6000)'),
    });
    const { code, message, where } = segmentDown([1], mirrored, 61_400, cause);
    expect({ code, message, where }).toEqual({
      code: 'database/segment-down',
      message: `the coordinator got no answer for 61 s from content 1 (sdw2:6000; its mirror sdw2:7000 is down): ${ACQUIRE} (timeout expired (seg1 sdw2:6000))`,
      where: { content: 1 },
    });
  });
});
