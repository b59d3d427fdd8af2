import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../backup-set/base/keys.ts';
import { NOTHING_WRITTEN } from '../deps.ts';
import { jobQueue } from './job-queue.ts';
import type { Job } from './route.ts';

const log = pino({ level: 'silent' });
const timestampOf = (day: number) => `202601${String(day).padStart(2, '0')}000000`;
const sealOf = (day: number) => formatKey({ kind: 'seal', timestamp: timestampOf(day) });
const manifestOf = (day: number) => formatKey({ kind: 'manifest', timestamp: timestampOf(day) });

/** Jobs that end when the test says so. */
function gate() {
  const started: Job[] = [];
  let running = 0;
  let most = 0;
  const waiting: (() => void)[] = [];
  return {
    started,
    most: () => most,
    open: () => {
      for (const go of waiting.splice(0)) go();
    },
    run: async (job: Job) => {
      started.push(job);
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      running -= 1;
      return NOTHING_WRITTEN;
    },
  };
}

describe('the job queue', () => {
  it('has at most one running and one waiting job for any number of events of a set', async () => {
    const { run, open, started } = gate();
    const queue = jobQueue(run, log);
    for (let event = 0; event < 100; event += 1) expect(queue.offer(sealOf(1))).toBe('taken');
    expect(queue.counts()).toEqual({ running: 1, waiting: 1 });
    const idle = queue.idle();
    open();
    await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    open();
    await idle;
    expect(started).toHaveLength(2);
  });

  it('runs and holds a bounded number of jobs, and drops the rest', async () => {
    const { run, open, most } = gate();
    const queue = jobQueue(run, log, { runningMax: 2, waitingMax: 3 });
    const answers = Array.from({ length: 8 }, (_, day) => queue.offer(sealOf(day + 1)));
    expect(answers).toEqual([
      ...Array<string>(5).fill('taken'),
      ...Array<string>(3).fill('dropped'),
    ]);
    // Full as it is, it still coalesces what waits already.
    expect(queue.offer(sealOf(3))).toBe('taken');
    const room = queue.waitForRoom();
    open();
    await room;
    expect(queue.offer(sealOf(9))).toBe('taken');
    const idle = queue.idle();
    const opening = setInterval(open, 1);
    await idle;
    clearInterval(opening);
    expect(most()).toBe(2);
  });

  it('runs the job of a key that a job wrote, and ignores the later event of that key', async () => {
    const done: string[] = [];
    const queue = jobQueue(async ({ work }) => {
      done.push(work);
      return work === 'stitch' ? { wrote: [manifestOf(1)] } : NOTHING_WRITTEN;
    }, log);
    queue.offer(sealOf(1));
    await queue.idle();
    expect(queue.offer(manifestOf(1))).toBe('ignored');
    await queue.idle();
    expect(done).toEqual(['stitch', 'validate', 'extend-retention']);
    // A later event for the same job is taken again.
    expect(queue.offer(manifestOf(1))).toBe('taken');
  });

  it('rejects idle with the last error until the same work succeeds', async () => {
    let broken = true;
    const queue = jobQueue(async () => {
      if (broken) throw new Error('the disk is full');
      return NOTHING_WRITTEN;
    }, log);
    queue.offer(sealOf(1));
    await expect(queue.idle()).rejects.toThrow('the disk is full');
    broken = false;
    queue.offer(sealOf(2));
    await expect(queue.idle()).rejects.toThrow('the disk is full');
    queue.offer(sealOf(1));
    await expect(queue.idle()).resolves.toBeUndefined();
  });

  it('runs at most two slices at once, and other jobs beside them', async () => {
    const task = '20260131010203000-20260131010203-verify';
    const started: string[] = [];
    const held = Promise.withResolvers<void>();
    const orders = Array.from({ length: 50 }, (_, slice) =>
      formatKey({ kind: 'slice-order', task, slice }),
    );
    const queue = jobQueue(
      async ({ work }) => {
        if (work === 'plan-task') return { wrote: orders };
        started.push(work);
        await held.promise;
        return NOTHING_WRITTEN;
      },
      log,
      { waitingMax: 2 },
    );
    expect(queue.offer(formatKey({ kind: 'task-request', task }))).toBe('taken');
    await new Promise((resolve) => setImmediate(resolve));
    expect(started).toEqual(['run-slice', 'run-slice']);
    // Follow-ups do not count against the limit for events.
    expect([1, 2, 3, 4, 5].map((day) => queue.offer(sealOf(day)))).toEqual([
      ...Array<string>(4).fill('taken'),
      'dropped',
    ]);
    expect(started).toEqual(['run-slice', 'run-slice', 'stitch', 'stitch']);
    held.resolve();
    await queue.idle();
    expect(started.filter((work) => work === 'run-slice')).toHaveLength(50);
    expect(started.filter((work) => work === 'stitch')).toHaveLength(4);
    // The store sends the events of all of them.
    expect(new Set(orders.map((key) => queue.offer(key)))).toEqual(new Set(['ignored']));
  });

  it('lets running jobs end when it is closed, and starts no job after that', async () => {
    const done: string[] = [];
    const work = Promise.withResolvers<void>();
    const queue = jobQueue(
      async ({ work: name, of }) => {
        await work.promise;
        done.push(`${name} ${of}`);
        return { wrote: [manifestOf(1)] };
      },
      log,
      { runningMax: 1 },
    );
    queue.offer(sealOf(1));
    queue.offer(sealOf(2));
    const closed = queue.close();
    expect(queue.offer(sealOf(3))).toBe('dropped');
    expect(queue.counts()).toEqual({ running: 1, waiting: 0 });
    work.resolve();
    await closed;
    expect(done).toEqual([`stitch ${timestampOf(1)}`]);
    expect(queue.counts()).toEqual({ running: 0, waiting: 0 });
  });

  it('ignores keys that start no function', () => {
    const queue = jobQueue(async () => NOTHING_WRITTEN, log);
    for (const key of [
      '',
      'x',
      'sets/../y',
      formatKey({ kind: 'plan', timestamp: timestampOf(1) }),
    ])
      expect(queue.offer(key)).toBe('ignored');
  });
});

it('the queue forgets all errors but the newest, when it is told to keep one', async () => {
  let fails = true;
  const run = () => (fails ? Promise.reject(new Error('no')) : Promise.resolve(NOTHING_WRITTEN));
  const queue = jobQueue(run, log, { failuresMax: 1 });
  for (const day of [1, 2, 3]) {
    queue.offer(sealOf(day));
    await expect(queue.idle()).rejects.toThrow('no');
  }
  fails = false;
  queue.offer(sealOf(3));
  await queue.idle();
});
