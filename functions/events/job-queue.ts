import type { Logger } from 'pino';
import { messageOf } from '../../backup-set/base/errors.ts';
import type { JobResult } from '../deps.ts';
import { type Job, jobOf } from './route.ts';

/** Jobs at once: they are small reads and writes; more would only hold more documents in memory. */
const RUNNING_MAX = 4;
/** Slices of them: each reads gigabytes, and what commits a set or advances a restore must not wait for thousands of them. */
const SLICES_RUNNING_MAX = 2;
/** Announced jobs that wait: one per set or restore with news; a flood of events for one of them is one job. */
const WAITING_MAX = 1000;
/** Jobs that follow from others: a large set is cut into thousands of slices at once. */
const FOLLOWING_MAX = 100_000;
/** Failures and own keys remembered; what falls out is done again, or found by the sweeper. */
const REMEMBERED_MAX = 10_000;

interface Waiting {
  readonly job: Job;
  /** It came by an announcement, so it takes room that others who announce would need. */
  readonly offered: boolean;
}

export interface JobQueue {
  /** Takes the news of a new object; `dropped` when the queue is full. Coalesces: an event is only a hint. */
  offer(key: string): 'taken' | 'ignored' | 'dropped';
  /** Resolves when fewer jobs wait than the queue holds. */
  waitForRoom(): Promise<void>;
  /**
   * Resolves when nothing runs and nothing waits.
   * @throws the last error of a job that has not succeeded since.
   */
  idle(): Promise<void>;
  /** Starts nothing more and forgets what waits, for the next start's sweep to find; resolves when what runs has ended. */
  close(): Promise<void>;
  counts(): { readonly running: number; readonly waiting: number };
}

/** Runs the functions for announced keys: of each job at most one runs and one waits. */
export function jobQueue(
  runJob: (job: Job) => Promise<JobResult>,
  log: Logger,
  { runningMax = RUNNING_MAX, slicesMax = SLICES_RUNNING_MAX, waitingMax = WAITING_MAX } = {},
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
      for (const key of wrote) goOn(key);
    } catch (error) {
      log.error({ err: error, ...job }, `${job.work} of ${job.of} failed: ${messageOf(error)}`);
      failures.delete(name);
      remember(failures, name, error);
    } finally {
      running.delete(name);
      if (isSlice(job)) slices -= 1;
      start();
      const before = changed;
      changed = Promise.withResolvers<void>();
      before.resolve();
    }
  }

  /** A follow-up takes no room of those who announce; whoever waits already keeps his place. */
  function goOn(key: string): void {
    const job = jobOf(key);
    if (job === undefined || closed || waiting.size - offered >= FOLLOWING_MAX) return;
    const name = nameOf(job);
    if (!waiting.has(name)) waiting.set(name, { job, offered: false });
    if (ownKeys.size >= REMEMBERED_MAX) ownKeys.delete(ownKeys.values().next().value ?? '');
    ownKeys.add(key);
  }

  return {
    offer(key) {
      // The store announces also what we wrote ourselves, and have gone on from already.
      if (ownKeys.delete(key)) return 'ignored';
      const job = jobOf(key);
      if (job === undefined) return 'ignored';
      if (closed) return 'dropped';
      const name = nameOf(job);
      if (waiting.has(name)) return 'taken';
      if (offered >= waitingMax) return 'dropped';
      waiting.set(name, { job, offered: true });
      offered += 1;
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

function remember(failures: Map<string, unknown>, name: string, error: unknown): void {
  if (failures.size >= REMEMBERED_MAX) failures.delete(failures.keys().next().value ?? '');
  failures.set(name, error);
}
