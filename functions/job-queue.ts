import type { Logger } from 'pino';
import { messageOf } from '../backup-set/errors.ts';
import type { Handled } from './deps.ts';
import { type Job, jobOf } from './route.ts';

/** Jobs at once: they are small reads and writes; more would only hold more documents in memory. */
const RUNNING_MAX = 4;
/** One per set or restore with news; a flood of events for one of them is one job. */
const WAITING_MAX = 1000;
/** Failures and own keys remembered; what falls out is found by the sweeper. */
const REMEMBERED_MAX = 1000;

export interface JobQueue {
  /** Takes the news of a new object; `dropped` when the queue is full. Coalesces: an event is only a hint. */
  offer(key: string): 'taken' | 'ignored' | 'dropped';
  /** Resolves when fewer jobs wait than the queue holds. */
  room(): Promise<void>;
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
  runJob: (job: Job) => Promise<Handled>,
  log: Logger,
  { runningMax = RUNNING_MAX, waitingMax = WAITING_MAX } = {},
): JobQueue {
  const waiting = new Map<string, Job>();
  const running = new Set<string>();
  const failures = new Map<string, unknown>();
  const ownKeys = new Set<string>();
  let changed = Promise.withResolvers<void>();
  let closed = false;

  function start(): void {
    for (const [name, job] of waiting) {
      if (running.size >= runningMax) return;
      if (running.has(name)) continue;
      waiting.delete(name);
      running.add(name);
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
      start();
      const before = changed;
      changed = Promise.withResolvers<void>();
      before.resolve();
    }
  }

  /** A follow-up takes the place of the job that ends: it needs no room. */
  function goOn(key: string): void {
    const job = jobOf(key);
    if (job === undefined || closed) return;
    waiting.set(nameOf(job), job);
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
      if (!waiting.has(name) && waiting.size >= waitingMax) return 'dropped';
      waiting.set(name, job);
      start();
      return 'taken';
    },
    async room() {
      while (waiting.size >= waitingMax) await changed.promise;
    },
    async idle() {
      while (running.size > 0 || waiting.size > 0) await changed.promise;
      const last = [...failures].at(-1);
      if (last !== undefined) throw last[1];
    },
    async close() {
      closed = true;
      waiting.clear();
      while (running.size > 0) await changed.promise;
    },
    counts: () => ({ running: running.size, waiting: waiting.size }),
  };
}

const nameOf = ({ work, of }: Job) => `${work} ${of}`;

function remember(failures: Map<string, unknown>, name: string, error: unknown): void {
  if (failures.size >= REMEMBERED_MAX) failures.delete(failures.keys().next().value ?? '');
  failures.set(name, error);
}
