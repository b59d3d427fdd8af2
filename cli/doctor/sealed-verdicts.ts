import { formatKey } from '../../backup-set/base/keys.ts';
import type { Deps } from '../../functions/deps.ts';
import { timestampsIn } from '../../functions/sets/list.ts';
import { duration } from '../output/format.ts';
import { decidingVerdict } from '../wait-for-functions.ts';
import type { Check } from './check.ts';

/** The newest sets tell whether functions work now; older ones tell of older days. */
const LOOKED_AT = 10;
/** Longer than any event, and any sweeper at its default, takes. */
const JUDGED_MS_MAX = 15 * 60_000;

/** Every sealed set has a verdict soon after its seal: by the event, or by the sweeper. */
export async function checkSealedVerdicts(deps: Deps): Promise<Check> {
  const check = { of: 'functions', name: 'sealed sets are judged' };
  const newest = (await timestampsIn(deps.store)).toSorted().slice(-LOOKED_AT);
  let sealed = 0;
  for (const timestamp of newest) {
    const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }));
    if (seal === undefined) continue;
    sealed++;
    const waitedMs = deps.clock().getTime() - seal.modifiedAt.getTime();
    if (waitedMs < JUDGED_MS_MAX || (await decidingVerdict(deps, timestamp)) !== undefined)
      continue;
    const detail = `set ${timestamp} was sealed ${duration(waitedMs)} ago, and has no verdict; \`stowage sweep\` judges it now`;
    return { ...check, ok: false, detail };
  }
  return {
    ...check,
    ok: true,
    detail: sealed === 0 ? 'no set is sealed yet' : `the newest ${sealed} have verdicts`,
  };
}
