import { describe, expect, test } from 'vitest';
import { formatKey, type Key, PHASES, VERDICT_LEVELS } from '../../backup-set/base/keys.ts';
import { SLICE_WORKS } from '../../backup-set/base/timestamps.ts';
import { type Job, jobsOf } from '../../functions/events/route.ts';
import { isAnnounced } from '../../functions/handlers/announce.ts';
import { LANES } from './lanes.mjs';

const timestamp = '20260131020304';
const instant = `${timestamp}567`;
const restore = `${instant}-0123abcd`;
const shipment = { timestamp, content: -1, attempt: 1, worker: 2, sequence: 3 };
const taskOf = (work: string) => `${instant}-${timestamp}-${work}`;

/** Keys of every kind, of tasks of both works, and of every level and phase. */
const KEYS: readonly Key[] = [
  { kind: 'plan', timestamp },
  { kind: 'seal', timestamp },
  { kind: 'manifest', timestamp },
  { kind: 'dispatched', timestamp },
  { kind: 'base-part', timestamp, content: 0 },
  { kind: 'witnesses', timestamp, content: 0 },
  { kind: 'seal-part', timestamp, content: 0 },
  { kind: 'manifest-part', timestamp, content: 0 },
  { kind: 'backup-order', timestamp, content: 0 },
  { kind: 'backup-claim', timestamp, content: 0 },
  { kind: 'backup-report', timestamp, content: 0 },
  { kind: 'metadata', timestamp, content: -1, attempt: 1, file: 'schema.dump' },
  { kind: 'pack', ...shipment },
  { kind: 'receipt', ...shipment },
  { kind: 'lock-record', timestamp, instant },
  ...VERDICT_LEVELS.map((level) => ({ kind: 'verdict' as const, timestamp, instant, level })),
  ...SLICE_WORKS.map(taskOf).flatMap((task): Key[] => [
    { kind: 'task-request', task },
    { kind: 'task-plan', task },
    { kind: 'task-outcome', task },
    { kind: 'slice-order', task, slice: 1 },
    { kind: 'slice-receipt', task, slice: 1 },
  ]),
  { kind: 'restore-request', restore },
  { kind: 'restore-plan', restore },
  { kind: 'restore-counts', restore },
  { kind: 'outcome', restore },
  ...PHASES.flatMap((phase): Key[] => [
    { kind: 'order', restore, phase, content: 0 },
    { kind: 'order-claim', restore, phase, content: 0 },
    { kind: 'restore-receipt', restore, phase, content: 0 },
  ]),
];

/** As EventBridge matches: `*` is anything, slashes too. */
function matches(pattern: string, key: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.\\+?^${}()|[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(key);
}

const lanesOf = (key: string) =>
  LANES.filter(({ keys }) => keys.some((pattern) => matches(pattern, key))).map(({ name }) => name);

/**
 * The functions that process a key: by the router, by what is announced, and for verify and
 * replicate by the name of the task.
 */
function concerned(key: string): string[] {
  const works = [...jobsOf(key).map(({ work }) => work), ...(isAnnounced(key) ? ['announce'] : [])];
  return LANES.filter(
    ({ name, work }) =>
      works.some((one) => work.includes(one)) &&
      (!key.startsWith('tasks/') || name === 'announce' || key.includes(`-${name}/`)),
  ).map(({ name }) => name);
}

describe('the lanes from the bucket to the functions', () => {
  test.each(KEYS.map(formatKey))(
    'the key %s reaches the functions that process it, and no other',
    (key) => {
      expect(lanesOf(key)).toEqual(concerned(key));
      expect(jobsOf(key).length === 0 || concerned(key).length > 0).toBe(true);
    },
  );

  /** The kinds that each work writes (its role in docs/security.md can create nothing else). */
  const WRITES: Readonly<Record<Job['work'] | 'announce', readonly Key['kind'][]>> = {
    stitch: ['manifest-part', 'manifest', 'verdict'],
    validate: ['verdict'],
    'extend-retention': ['lock-record'],
    'plan-restore': ['verdict', 'restore-plan', 'order', 'outcome'],
    'advance-restore': ['order', 'outcome'],
    'request-replication': ['task-request'],
    'plan-task': ['task-plan', 'slice-order', 'task-outcome'],
    'run-slice': ['slice-receipt'],
    'advance-task': ['verdict', 'task-outcome'],
    announce: [],
  };

  test('no work writes a key that starts it again, directly or indirectly', () => {
    const next = (work: string) =>
      KEYS.filter(({ kind }) => (WRITES[work as Job['work']] ?? []).includes(kind))
        // Only verdicts of validate start a function, and advance-task writes those of verify.
        .filter(
          (key) => !(work === 'advance-task' && key.kind === 'verdict' && key.level === 'validate'),
        )
        .flatMap((key) => jobsOf(formatKey(key)).map((job) => job.work));
    for (const work of new Set(LANES.flatMap((lane) => lane.work))) {
      expect(WRITES).toHaveProperty(work);
      const reached = new Set<string>();
      for (
        let more = next(work);
        more.length > 0;
        more = more.flatMap(next).filter((to) => !reached.has(to))
      )
        for (const to of more) reached.add(to);
      expect([...reached]).not.toContain(work);
    }
  });
});
