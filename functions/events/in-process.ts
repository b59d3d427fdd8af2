import type { Deps } from '../deps.ts';
import { jobQueue } from './job-queue.ts';
import { runJob } from './route.ts';

/** The functions inside this process, for stores that announce nothing (`--functions inline`). */
export interface InProcess {
  /** Says that a key was written. Resolves when the news is taken, not when it was acted upon. */
  announce(key: string): Promise<void>;
  /**
   * Resolves when all that was announced, and what followed from it, is done.
   * @throws the last error of work that has not succeeded since.
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
