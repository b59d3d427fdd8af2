import type { Deps, JobResult } from '../../functions/deps.ts';
import { jobOf, runJob } from '../../functions/events/route.ts';

/** Runs the function that the event of a new object starts; writes nothing when none does. */
export async function handle(deps: Deps, key: string): Promise<JobResult> {
  const job = jobOf(key);
  return job === undefined ? { wrote: [] } : runJob(deps, job);
}
