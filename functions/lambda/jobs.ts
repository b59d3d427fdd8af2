import { parseKey } from '../../backup-set/base/keys.ts';
import type { Deps } from '../deps.ts';
import { type Job, jobsOf, runJob } from '../events/route.ts';
import { readFacts } from '../observe/seen-set.ts';
import { openInvocation } from './environment.ts';
import { measure } from './measure.ts';
import { onMessages } from './messages.ts';
import type { Counted } from './metrics.ts';

/** The handler of a function that does these works of the router (events/route.ts). */
export function handlerOf(...works: readonly Job['work'][]) {
  return onMessages<Job>(openInvocation, {
    workOf(key) {
      const job = jobsOf(key).find(({ work }) => works.includes(work));
      if (job === undefined) return undefined;
      return { name: `${job.work} of ${job.of}`, work: job };
    },
    run: (given, job) =>
      measure(given, async (deps) => countsIn(deps, (await runJob(deps, job)).wrote)),
  });
}

async function countsIn(deps: Deps, wrote: readonly string[]): Promise<Counted> {
  const committed = wrote.map(parseKey).filter((key) => key?.kind === 'manifest');
  const [manifest] = committed;
  if (manifest?.kind !== 'manifest') return {};
  const facts = await readFacts(deps, manifest.timestamp);
  return {
    SetsCommitted: committed.length,
    ...(facts && {
      database: facts.database,
      SetBytes: facts.bytes,
      SetNewBytes: facts.newBytes,
      SetTables: facts.tables,
      SetSeconds: facts.ms / 1000,
    }),
  };
}
