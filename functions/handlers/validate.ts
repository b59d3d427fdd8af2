import { formatKey } from '../../backup-set/base/keys.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import { checkSet } from '../check/set.ts';
import { checkUncommitted } from '../check/uncommitted.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { verdictOf, writeVerdict } from '../stored/write-verdict.ts';
import { compareWithOlder } from '../unusual/compare-with-older.ts';

export interface ValidateResult extends JobResult {
  readonly verdict: Verdict;
}

/**
 * Checks a committed set, compares it with older ones, and writes the verdict of level `validate`.
 * For a set without a manifest it returns a verdict but does not write it: only committed sets are
 * validated.
 * @throws StowageError `set/not-found` when nothing is stored under this timestamp.
 */
export async function validate(deps: Deps, timestamp: string): Promise<ValidateResult> {
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) {
    const state = await checkUncommitted(deps, timestamp);
    const now = await deps.store.now({ signal: deps.signal });
    return { verdict: verdictOf(timestamp, 'validate', state, now), wrote: [] };
  }
  const checked = await checkSet(deps, timestamp, raw);
  const { manifest } = checked;
  const unusual = manifest && { unusual: await compareWithOlder(deps, manifest) };
  const { key, verdict } = await writeVerdict(deps, timestamp, 'validate', {
    ...checked,
    ...unusual,
  });
  return { verdict, wrote: [key] };
}

/** For an event: the set may have been deleted meanwhile, which is no error. */
export async function validateIfCommitted(deps: Deps, timestamp: string): Promise<JobResult> {
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }));
  return manifest === undefined ? NOTHING_WRITTEN : validate(deps, timestamp);
}
