import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { foldStored } from '../stored/fold.ts';
import { type Finding, NOTHING_CHECKED } from '../stored/write-verdict.ts';

/**
 * Finds out why a set has no manifest: what is missing, or that it is complete but not committed.
 * @throws StowageError `set/not-found` when nothing is stored under this timestamp.
 */
export async function checkUncommitted(deps: Deps, timestamp: string): Promise<Finding> {
  if (!(await exists(deps, timestamp)))
    throw new StowageError(
      'set/not-found',
      `there is no set ${timestamp} under ${deps.store.url}`,
      {
        where: { set: timestamp },
      },
    );
  const folded = await foldStored(deps, timestamp);
  const checked = NOTHING_CHECKED;
  if (folded.status !== 'complete') {
    const status = folded.status === 'open' ? 'incomplete' : folded.status;
    return { status, checked, problems: folded.problems, problemsTotal: folded.problemsTotal };
  }
  const object = formatKey({ kind: 'manifest', timestamp });
  const message =
    'the set is complete but not committed, or its manifest was deleted: run the functions';
  return {
    status: 'incomplete',
    checked,
    ...boundedProblems([{ code: 'object-missing', object, message }]),
  };
}

async function exists(deps: Deps, timestamp: string): Promise<boolean> {
  for await (const _ of deps.store.list(setPrefix(timestamp), { signal: deps.signal })) return true;
  return false;
}
