import { VERDICT_LEVELS } from '../../backup-set/base/keys.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { newestVerdict, verdictKeys } from './load.ts';

/**
 * The newest verdict on a set. Damage found by `verify` holds until a later `verify` finds none:
 * `validate`, which every restore starts with, reads no data and would miss it. An unreadable
 * verdict is ignored.
 * @param keys the keys of its verdicts, if known.
 */
export async function currentVerdict(
  deps: Deps,
  timestamp: string,
  keys?: readonly string[],
): Promise<Verdict | undefined> {
  const known = keys ?? (await verdictKeys(deps, timestamp));
  const verdicts = await Promise.all(
    VERDICT_LEVELS.map((level) => newestVerdict(deps, timestamp, level, known)),
  );
  const newest = verdicts
    .filter((verdict) => verdict !== undefined)
    .toSorted((a, b) => (a.at < b.at ? 1 : -1));
  return (
    newest.find(({ level, status }) => level === 'verify' && status === 'damaged') ?? newest[0]
  );
}
