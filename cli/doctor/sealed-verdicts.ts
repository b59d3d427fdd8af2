import { formatKey } from '../../backup-set/base/keys.ts';
import type { Deps } from '../../functions/deps.ts';
import { listTimestamps } from '../../functions/sets/list.ts';
import { isSet } from '../../functions/stored/is-set.ts';
import { duration } from '../output/format.ts';
import { decidingVerdict } from '../wait-for-functions.ts';
import type { Check } from './check.ts';

/** Only the newest sets show whether the functions work now. */
const SETS_CHECKED = 10;
/** Longer than an event takes, and than a sweeper with the default interval. */
const VERDICT_MS_MAX = 15 * 60_000;

/** A sealed set gets a verdict soon after its seal: by an event, or by the sweeper. */
export async function checkSealedVerdicts(deps: Deps): Promise<Check> {
  const check = { of: 'functions', name: 'sealed sets have verdicts' };
  const newest = (await listTimestamps(deps.store)).toSorted().reverse();
  let [looked, sealed] = [0, 0];
  for (const timestamp of newest) {
    if (looked === SETS_CHECKED) break;
    const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }));
    if (seal !== undefined || (await isSet(deps, timestamp))) looked++;
    if (seal === undefined) continue;
    sealed++;
    const waitedMs = (await deps.store.now()).getTime() - seal.modifiedAt.getTime();
    if (waitedMs < VERDICT_MS_MAX || (await decidingVerdict(deps, timestamp)) !== undefined)
      continue;
    const detail = `set ${timestamp} was sealed ${duration(waitedMs)} ago and has no verdict. Check that functions run for this root; \`stowage sweep\` validates the set now`;
    return { ...check, ok: false, detail };
  }
  return {
    ...check,
    ok: true,
    detail:
      sealed === 0
        ? 'no set is sealed yet'
        : sealed === 1
          ? 'the newest sealed set has a verdict, or was sealed a moment ago'
          : `the newest ${sealed} sealed sets have verdicts, or were sealed a moment ago`,
  };
}
