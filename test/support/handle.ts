import type { Deps, JobResult } from '../../functions/deps.ts';
import { jobsOf, runJob } from '../../functions/events/route.ts';

/** Runs the functions that the event of a new object starts, in turn. */
export async function handle(deps: Deps, key: string): Promise<JobResult> {
  const wrote: string[] = [];
  for (const job of jobsOf(key)) wrote.push(...(await runJob(deps, job)).wrote);
  return { wrote };
}
