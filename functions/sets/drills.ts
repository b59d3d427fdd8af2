import { parseKey } from '../../backup-set/base/keys.ts';
import type { DrillFacts } from '../../backup-set/base/verdict/drill-facts.ts';
import type { Deps } from '../deps.ts';
import { readVerdict } from '../stored/load.ts';

/** What is known of the drills of a set (docs/design/0041-drills.md). */
export interface SetDrill {
  /** Of the newest drill. */
  readonly at: string;
  readonly status: 'passed' | 'failed';
  /** Problems of the newest drill. */
  readonly problemsTotal: number;
  /** When the newest good drill ended; absent = none of those that were read. */
  readonly goodAt?: string;
  /** Of the newest good drill. */
  readonly good?: DrillFacts;
}

/** Verdicts that are read to find a good one. */
const READ_MAX = 8;

/**
 * The newest drill of a set, and the newest good one. Costs a request for each verdict that is
 * read: one when the newest drill was good, none without drills.
 * @param keys of the verdicts of the set, oldest first.
 */
export async function drillOf(deps: Deps, keys: readonly string[]): Promise<SetDrill | undefined> {
  let newest: Pick<SetDrill, 'at' | 'status' | 'problemsTotal'> | undefined;
  for (const key of drillKeys(keys).slice(-READ_MAX).reverse()) {
    const verdict = await readVerdict(deps, key);
    if (verdict === undefined) continue;
    const { at, status, problemsTotal, drill } = verdict;
    const isGood = status === 'complete';
    newest ??= { at, status: isGood ? 'passed' : 'failed', problemsTotal };
    if (isGood) return { ...newest, goodAt: at, ...(drill && { good: drill }) };
  }
  return newest;
}

function drillKeys(keys: readonly string[]): string[] {
  return keys.filter((text) => {
    const key = parseKey(text);
    return key?.kind === 'verdict' && key.level === 'drill';
  });
}
