import { isDeepStrictEqual } from 'node:util';
import { decode, sha256 } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import type { Deps } from '../../../functions/deps.ts';
import { loadHeads } from '../../../functions/stored/fold.ts';
import { coordinatorFault } from '../../keys/seal-macs.ts';

/**
 * Why nothing proves that a coordinator with this digest key made an older set. An increment names
 * the keys of its older sets under a mac of its own, which is right also for those of a set that
 * another program has put there. Two documents: a file opens only with a key that the plan names.
 */
export function unprovenOlder(deps: Deps, digestKey: Uint8Array) {
  return async (manifest: Manifest): Promise<string | undefined> => {
    try {
      return await faultOf(deps, digestKey, manifest);
    } catch (error) {
      if (!isStowageError(error, 'set/unreadable')) throw error;
      return error.message;
    }
  };
}

async function faultOf(
  deps: Deps,
  digestKey: Uint8Array,
  { timestamp, encryption }: Manifest,
): Promise<string | undefined> {
  const { plan, seal } = await loadHeads(deps, timestamp);
  if (seal === undefined) return 'it has no seal';
  const fault = coordinatorFault(digestKey, seal);
  if (fault !== undefined) return `its seal: ${fault}`;
  if (plan === undefined || sha256(plan.bytes) !== decode(Seal, seal).planSha256)
    return 'its plan is not the one that its seal names';
  return isDeepStrictEqual(decode(Plan, plan).encryption, encryption)
    ? undefined
    : 'its manifest names other keys than its plan';
}
