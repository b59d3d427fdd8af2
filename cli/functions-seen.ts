import { formatKey } from '../backup-set/base/keys.ts';
import { Verdict } from '../backup-set/base/verdict.ts';
import { Outcome } from '../backup-set/documents/restore/restore.ts';
import type { Deps } from '../functions/deps.ts';
import { isSet } from '../functions/stored/is-set.ts';
import { verdictKeys } from '../functions/stored/load.ts';
import { newestRestores, newestSets } from '../functions/stored/newest.ts';
import { tryRead } from '../functions/stored/try-read.ts';
import { NO_SET } from './doctor/test-request.ts';

const SETS_MAX = 5;
const RESTORES_MAX = 5;

/**
 * Whether `stowage serve` or deployed functions have written to this root, as far as its newest
 * sets and restores show: a verdict that no command wrote, or the answer to doctor's test request.
 */
export async function haveFunctionsAnswered(deps: Deps): Promise<boolean> {
  let sets = 0;
  for await (const timestamp of newestSets(deps)) {
    if (sets === SETS_MAX) break;
    const [newest] = (await verdictKeys(deps, timestamp)).slice(-1);
    if (newest !== undefined || (await isSet(deps, timestamp))) sets++;
    if (newest === undefined) continue;
    const verdict = await tryRead(deps, newest, Verdict);
    if (verdict !== undefined && verdict.writer === undefined) return true;
  }
  for (const restore of (await newestRestores(deps)).slice(0, RESTORES_MAX)) {
    const outcome = await tryRead(deps, formatKey({ kind: 'outcome', restore }), Outcome);
    if (outcome?.timestamp === NO_SET) return true;
  }
  return false;
}
