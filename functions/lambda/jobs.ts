import { parseKey } from '../../backup-set/base/keys.ts';
import { type Job, jobsOf, runJob } from '../events/route.ts';
import { openInvocation } from './environment.ts';
import { measure } from './measure.ts';
import { onMessages } from './messages.ts';
import type { Values } from './metrics.ts';

/** The handler of a function that does these works of the router (events/route.ts). */
export function handlerOf(...works: readonly Job['work'][]) {
  return onMessages<Job>(openInvocation, {
    workOf(key) {
      const job = jobsOf(key).find(({ work }) => works.includes(work));
      if (job === undefined) return undefined;
      return { name: `${job.work} of ${job.of}`, work: job };
    },
    run: (given, job) => measure(given, async (deps) => countsIn((await runJob(deps, job)).wrote)),
  });
}

function countsIn(wrote: readonly string[]): Values {
  const committed = wrote.filter((key) => parseKey(key)?.kind === 'manifest').length;
  return committed === 0 ? {} : { SetsCommitted: committed };
}
