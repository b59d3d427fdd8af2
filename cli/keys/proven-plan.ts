import { decode, sha256 } from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import { Seal } from '../../backup-set/documents/seal.ts';
import type { Deps } from '../../functions/deps.ts';
import { loadHeads } from '../../functions/stored/fold.ts';
import { sealFault } from './seal-macs.ts';

/**
 * The plan of an encrypted set, as its seal proves it. Two documents: for programs that read single
 * files, which open only with a key that the plan names.
 * @throws StowageError `set/damaged`
 */
export async function provenPlan(deps: Deps, timestamp: string, setKey: Uint8Array): Promise<Plan> {
  return (await provenHeads(deps, timestamp, setKey)).plan;
}

/** As `provenPlan`, with the seal. */
export async function provenHeads(
  deps: Deps,
  timestamp: string,
  setKey: Uint8Array,
): Promise<{ readonly plan: Plan; readonly seal: Seal }> {
  const { plan, seal } = await loadHeads(deps, timestamp);
  const damaged = (kind: 'seal' | 'plan', why: string) => {
    const object = formatKey({ kind, timestamp });
    return new StowageError('set/damaged', `set ${timestamp}: ${object}: ${why}`, {
      where: { set: timestamp, object },
    });
  };
  if (seal === undefined) throw damaged('seal', 'it is missing, so nothing proves the plan');
  const fault = sealFault(setKey, seal);
  if (fault !== undefined) throw damaged('seal', fault);
  const sealed = decode(Seal, seal);
  if (plan === undefined || sha256(plan.bytes) !== sealed.planSha256)
    throw damaged('plan', 'it is not the one that the seal names');
  return { plan: decode(Plan, plan), seal: sealed };
}
