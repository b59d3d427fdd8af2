import pino from 'pino';
import { type JobQueue, jobQueue } from '../../functions/events/job-queue.ts';
import { type Job, jobsOf, runJob as realRunJob } from '../../functions/events/route.ts';
import { onMessages } from '../../functions/lambda/messages.ts';
import type { SweepOptions } from '../../functions/sweep/report.ts';
import { sweep as realSweep } from '../../functions/sweep/sweep.ts';
import { keysIn } from './deliveries.ts';
import type { Task } from './scheduler.ts';
import type { World } from './world.ts';

/** The functions under test. Tests of the simulation replace one of them by a broken one. */
export interface Functions {
  readonly runJob: typeof realRunJob;
  readonly sweep: typeof realSweep;
}

export const PRODUCT_FUNCTIONS: Functions = { runJob: realRunJob, sweep: realSweep };

/** A deployment that receives notifications and runs functions. */
export interface Receiver {
  deliver(bodies: readonly string[]): void;
  /** Starts a sweep; false while one is running. */
  sweep(): boolean;
}

/** The sets that a process has swept already. */
type Known = NonNullable<SweepOptions['closed']>;

/**
 * Deliveries of a message whose function failed or died, before it goes to the dead-letter queue.
 */
const DELIVERIES_MAX = 3;

/** As on AWS: one invocation per batch of a queue, without shared state. */
export function lambdaReceiver(world: World, { runJob, sweep }: Functions): Receiver {
  const context = {} as Parameters<ReturnType<typeof onMessages>>[1];
  let sweeping = false;

  async function invoke(bodies: readonly string[], delivery: number): Promise<void> {
    let failed = bodies;
    const { ended } = world.start(`batch of ${bodies.length}`, async (deps) => {
      const handler = onMessages<Job>(async () => ({ ...deps, count: () => undefined }), {
        workOf(key) {
          // One lane has the other job of a manifest: locks, which the store in memory has not.
          const [job] = jobsOf(key);
          return job && { name: `${job.work} of ${job.of}`, work: job };
        },
        run: async (given, job) => void (await runJob(given, job)),
      });
      const Records = bodies.map((body, at) => ({ messageId: String(at), body }));
      const answer = await handler({ Records } as Parameters<typeof handler>[0], context);
      failed = answer.batchItemFailures.map(
        ({ itemIdentifier }) => bodies[Number(itemIdentifier)] ?? '',
      );
    });
    await ended;
    if (failed.length > 0 && delivery < DELIVERIES_MAX) await invoke(failed, delivery + 1);
  }

  return {
    deliver: (bodies) => void invoke(bodies, 1),
    sweep() {
      if (sweeping) return false;
      sweeping = true;
      const { ended } = world.start('sweep', (deps) => sweep(deps));
      void ended.then(() => {
        sweeping = false;
      });
      return true;
    },
  };
}

/** As `stowage serve`: one process with a queue. When it dies, it loses its jobs and restarts. */
export function serveReceiver(world: World, { runJob, sweep }: Functions): Receiver {
  const log = pino({ level: 'silent' });
  let tasks = new Set<Task>();
  let closed: Known = new Map();
  let sweeping = false;
  let queue: JobQueue;

  function restart(): void {
    for (const task of tasks) world.scheduler.kill(task);
    tasks = new Set();
    closed = new Map();
    sweeping = false;
    queue = jobQueue(
      (job) => runInProcess(`${job.work} ${job.of}`, (deps) => runJob(deps, job)),
      log,
      {
        waitingMax: 3,
      },
    );
  }

  /** Runs a task of this process. When one task is killed, all tasks of the process are. */
  async function runInProcess<T>(name: string, run: Parameters<typeof world.start>[1]): Promise<T> {
    let result: unknown;
    let failure: unknown;
    const { task, ended } = world.start(name, async (deps) => {
      try {
        result = await run(deps);
      } catch (error) {
        failure = error;
        throw error;
      }
    });
    tasks.add(task);
    const end = await ended;
    if (end === 'died' && tasks.has(task)) {
      world.note('the process died');
      restart();
      startSweep();
    }
    tasks.delete(task);
    // A job of a dead process never ends.
    if (end === 'died') return new Promise<T>(() => undefined);
    if (end === 'failed') throw failure;
    return result as T;
  }

  function startSweep(): boolean {
    if (sweeping) return false;
    sweeping = true;
    const mine = closed;
    void runInProcess('sweep', (deps) => sweep(deps, { closed: mine }))
      .catch(() => undefined)
      .then(() => {
        sweeping = false;
      });
    return true;
  }

  restart();
  return {
    deliver(bodies) {
      for (const key of bodies.flatMap(keysIn)) queue.offer(key);
    },
    sweep: startSweep,
  };
}
