import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { boundedProblems, type Verdict } from '../../backup-set/base/verdict.ts';
import { checkSet } from '../check/set.ts';
import type { Deps, Handled } from '../deps.ts';
import { foldStored } from '../stored/fold.ts';
import { readDocument } from '../stored/load.ts';
import { type Finding, NOTHING_CHECKED, verdictOf, writeVerdict } from '../stored/write-verdict.ts';

export interface Validated extends Handled {
  readonly verdict: Verdict;
}

/**
 * A manifest has been committed, or somebody asks again: checks the set and writes the verdict of level `validate`.
 * A set without a manifest gets a verdict too, but an unwritten one: only what was committed can be validated.
 * @throws StowageError `set/not-found` when there is nothing under this timestamp.
 */
export async function validate(deps: Deps, timestamp: string): Promise<Validated> {
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) {
    const state = await stateWithoutManifest(deps, timestamp);
    return { verdict: verdictOf(timestamp, 'validate', state, deps.clock()), wrote: [] };
  }
  const checked = await checkSet(deps, timestamp, raw);
  const { key, verdict } = await writeVerdict(deps, timestamp, 'validate', checked);
  return { verdict, wrote: [key] };
}

/**
 * Why a set has no manifest. One that is complete, and waits to be committed, says so.
 * @throws StowageError `set/not-found`.
 */
export async function stateWithoutManifest(deps: Deps, timestamp: string): Promise<Finding> {
  if (!(await exists(deps, timestamp)))
    throw new StowageError('set/not-found', `there is no set ${timestamp} in ${deps.store.url}`, {
      where: { set: timestamp },
    });
  const folded = await foldStored(deps, timestamp);
  const checked = NOTHING_CHECKED;
  if (folded.status !== 'complete') {
    const status = folded.status === 'open' ? 'incomplete' : folded.status;
    return { status, checked, problems: folded.problems, problemsTotal: folded.problemsTotal };
  }
  const object = formatKey({ kind: 'manifest', timestamp });
  const message =
    'the set is complete and has not been committed (or its manifest was deleted); run the functions';
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
