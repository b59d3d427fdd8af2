import type { Deps } from '../deps.ts';
import { jobQueue } from './job-queue.ts';
import { runJob } from './route.ts';

/** Runs the functions in this process, for stores that send no events (`--functions inline`). */
export interface InProcess {
  /** Call after a key was written. Resolves when its job is queued, not when the job is done. */
  announce(key: string): Promise<void>;
  /**
   * Resolves when all jobs of announced keys, and the jobs that follow from them, have ended.
   * @throws the last error of a job that has not succeeded since.
   */
  idle(): Promise<void>;
}

export function inProcess(deps: Deps): InProcess {
  const queue = jobQueue((job) => runJob(deps, job), deps.log);
  return {
    async announce(key) {
      while (queue.offer(key) === 'dropped') await queue.waitForRoom();
    },
    idle: () => queue.idle(),
  };
}
