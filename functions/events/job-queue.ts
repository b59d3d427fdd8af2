import type { Logger } from 'pino';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { JobResult } from '../deps.ts';
import { type Job, jobsOf } from './route.ts';

/** Running jobs: they are small reads and writes; more would only hold more documents in memory. */
const RUNNING_MAX = 4;
/**
 * Running slices among them: each reads gigabytes, and a job that commits a set or advances a
 * restore must not wait for thousands of slices.
 */
const SLICES_RUNNING_MAX = 2;
/** Waiting jobs of events: one per set or restore, whatever the number of its events. */
const WAITING_MAX = 1000;
/** Waiting jobs that follow from others: a large set gives thousands of slices at once. */
const FOLLOWING_MAX = 100_000;
/** Remembered own keys: a forgotten key only runs its job again. */
const REMEMBERED_MAX = 10_000;
/** Remembered failures, each with the error, its causes and their stacks. */
const FAILURES_MAX = 10_000;

interface Waiting {
  readonly job: Job;
  /** Queued by `offer`, so it counts against WAITING_MAX. */
  readonly offered: boolean;
}

export interface JobQueue {
  /**
   * Queues the jobs of a new object, once for any number of events.
   * @returns `ignored` when the key starts no job; `dropped` when the queue is full or closed.
   */
  offer(key: string): 'taken' | 'ignored' | 'dropped';
  /** Resolves when fewer jobs wait than the queue holds. */
  waitForRoom(): Promise<void>;
  /**
   * Resolves when nothing runs and nothing waits.
   * @throws the last error of a job that has not succeeded since.
   */
  idle(): Promise<void>;
  /**
   * Starts no further job and drops the waiting ones: the sweep after the next start finds their
   * work. Resolves when the running jobs have ended.
   */
  close(): Promise<void>;
  counts(): { readonly running: number; readonly waiting: number };
}

/**
 * Runs the functions for created keys. Each job runs at most once and waits at most once.
 * `failuresMax`: how many errors it keeps for `idle`, which a server that runs for months never
 * calls.
 */
export function jobQueue(
  runJob: (job: Job) => Promise<JobResult>,
  log: Logger,
  {
    runningMax = RUNNING_MAX,
    slicesMax = SLICES_RUNNING_MAX,
    waitingMax = WAITING_MAX,
    failuresMax = FAILURES_MAX,
  } = {},
): JobQueue {
  const waiting = new Map<string, Waiting>();
  const running = new Map<string, Job>();
  let offered = 0;
  let slices = 0;
  const failures = new Map<string, unknown>();
  const ownKeys = new Set<string>();
  let changed = Promise.withResolvers<void>();
  let closed = false;

  function start(): void {
    for (const [name, { job, offered: wasOffered }] of waiting) {
      if (running.size >= runningMax) return;
      if (running.has(name) || (isSlice(job) && slices >= slicesMax)) continue;
      waiting.delete(name);
      if (wasOffered) offered -= 1;
      running.set(name, job);
      if (isSlice(job)) slices += 1;
      void run(name, job);
    }
  }

  async function run(name: string, job: Job): Promise<void> {
    try {
      const { wrote } = await runJob(job);
      failures.delete(name);
      for (const key of wrote) queueFollowUp(key);
    } catch (error) {
      log.error({ err: error, ...job }, `${job.work} of ${job.of} failed: ${messageOf(error)}`);
      failures.delete(name);
      if (failures.size >= failuresMax) failures.delete(failures.keys().next().value ?? '');
      failures.set(name, error);
    } finally {
      running.delete(name);
      if (isSlice(job)) slices -= 1;
      start();
      const before = changed;
      changed = Promise.withResolvers<void>();
      before.resolve();
    }
  }

  /** Follow-ups do not count against WAITING_MAX; a job that waits already keeps its place. */
  function queueFollowUp(key: string): void {
    const jobs = jobsOf(key);
    if (jobs.length === 0 || closed || waiting.size - offered >= FOLLOWING_MAX) return;
    for (const job of jobs)
      if (!waiting.has(nameOf(job))) waiting.set(nameOf(job), { job, offered: false });
    if (ownKeys.size >= REMEMBERED_MAX) ownKeys.delete(ownKeys.values().next().value ?? '');
    ownKeys.add(key);
  }

  return {
    offer(key) {
      // The event of a key that a job here wrote: its follow-up was queued by that job.
      if (ownKeys.delete(key)) return 'ignored';
      const jobs = jobsOf(key);
      if (jobs.length === 0) return 'ignored';
      if (closed) return 'dropped';
      const fresh = jobs.filter((job) => !waiting.has(nameOf(job)));
      if (fresh.length === 0) return 'taken';
      if (offered >= waitingMax) return 'dropped';
      for (const job of fresh) waiting.set(nameOf(job), { job, offered: true });
      offered += fresh.length;
      start();
      return 'taken';
    },
    async waitForRoom() {
      while (offered >= waitingMax) await changed.promise;
    },
    async idle() {
      while (running.size > 0 || waiting.size > 0) await changed.promise;
      const last = [...failures].at(-1);
      if (last !== undefined) throw last[1];
    },
    async close() {
      closed = true;
      waiting.clear();
      offered = 0;
      while (running.size > 0) await changed.promise;
    },
    counts: () => ({ running: running.size, waiting: waiting.size }),
  };
}

const isSlice = ({ work }: Job) => work === 'run-slice';

const nameOf = ({ work, of }: Job) => `${work} ${of}`;
