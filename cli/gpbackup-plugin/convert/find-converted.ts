import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { dateOf, timestampOf } from '../../../backup-set/base/timestamps.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import type { Deps } from '../../../functions/deps.ts';
import { describeSet } from '../../../functions/sets/status.ts';
import { loadHeads, type SetHeads } from '../../../functions/stored/fold.ts';
import type { SealFault } from './conversion-proof.ts';

/** Seconds behind that of the set in which its conversion may lie. */
const SECONDS_MAX = 60;

interface Looking {
  /** Called when a set that may be a conversion is looked at; undefined: nothing can prove it. */
  readonly faultOf: () => Promise<SealFault | undefined>;
  readonly onUnproven: (converted: string, why: string) => void;
}

/**
 * The set that was made from a set, and the first free second behind it. The plan of a conversion
 * names its original, and any program that can write to the bucket can write such a plan: one that
 * is not proven is left alone, and the set is converted again.
 * @throws StowageError `adopt/exists`.
 */
export async function findConverted(
  deps: Deps,
  timestamp: string,
  { faultOf, onUnproven }: Looking,
): Promise<{ readonly converted: string | undefined; readonly free: string }> {
  for (let second = 1; second <= SECONDS_MAX; second++) {
    const at = timestampOf(new Date(dateOf(timestamp).getTime() + second * 1000));
    const heads = await loadHeads(deps, at);
    if (heads.plan === undefined) return { converted: undefined, free: at };
    if (!isMadeFrom(heads, timestamp)) continue;
    const described = await describeSet(deps, at);
    if (described?.status !== 'complete' || described.retention?.state === 'expired') continue;
    const why = unproven(heads, await faultOf());
    if (why === undefined) return { converted: at, free: at };
    onUnproven(at, why);
  }
  throw new StowageError(
    'adopt/exists',
    `set ${timestamp} cannot be converted: the ${SECONDS_MAX} seconds behind it all have sets`,
    { where: { set: timestamp } },
  );
}

function isMadeFrom({ plan }: SetHeads, timestamp: string): boolean {
  try {
    const source = plan && decode(Plan, plan).source;
    return source?.tool === 'gpbackup' && source.timestamp === timestamp;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return false;
  }
}

/** Undefined: it is proven, or nothing can be. */
function unproven(
  { plan, seal }: SetHeads,
  faultOfSeal: SealFault | undefined,
): string | undefined {
  if (faultOfSeal === undefined) return undefined;
  if (plan === undefined || seal === undefined) return 'it has no seal';
  const fault = faultOfSeal(seal);
  if (fault !== undefined) return fault;
  return decode(Seal, seal).planSha256 === sha256(plan.bytes)
    ? undefined
    : 'its seal names another plan';
}
