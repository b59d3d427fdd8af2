import { isStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { VerifyOptions } from '../../functions/check/verify-set.ts';
import type { Deps } from '../../functions/deps.ts';
import { tryReadDocument } from '../../functions/sets/status.ts';
import { loadHeads } from '../../functions/stored/fold.ts';
import type { ClusterContext } from '../context.ts';
import { heldKeys } from './held-keys.ts';
import { noteUnproven } from './note-unproven.ts';
import { sealFault } from './seal-macs.ts';

type Keyed = Pick<VerifyOptions, 'keys' | 'proof'>;

/**
 * What an identity adds to a check of an encrypted set: its keys, and whether its seal is what its
 * backup wrote. Nothing without an identity: then no row is decrypted, and the verdict says so.
 * @throws StowageError `encryption/no-identity` when the named identity does not open the set.
 */
export async function keysToVerify(
  context: ClusterContext,
  deps: Deps,
  timestamp: string,
): Promise<Keyed> {
  const manifest = await tryReadDocument(deps, timestamp, 'manifest', Manifest);
  if (manifest?.encryption === undefined || !mayHaveIdentity(context)) return {};
  try {
    const keys = await heldKeys(context, deps.store, manifest);
    if (keys === undefined) return {};
    const { seal } = await loadHeads(deps, timestamp);
    // `validate` names a seal that is missing.
    const fault = seal && sealFault(keys.setKey, seal);
    await noteUnproven(context, deps, timestamp);
    const object = formatKey({ kind: 'seal', timestamp });
    return fault === undefined
      ? { keys }
      : { keys, proof: [{ code: 'not-proven', object, message: fault }] };
  } catch (error) {
    // Keys that are damaged or of another set are a finding; an identity that does not fit is not.
    if (isStowageError(error, 'encryption/no-key', 'set/unreadable', 'set/damaged'))
      return { proof: [foundIn(error)] };
    if (
      !namesIdentity(context) &&
      isStowageError(error, 'encryption/kms', 'encryption/no-identity')
    )
      return {};
    throw error;
  }
}

function foundIn({ message, where: { object } }: StowageError): Problem {
  return { code: 'not-proven', message, ...(object !== undefined && { object }) };
}

const namesIdentity = ({ config: { encryption } }: ClusterContext) =>
  encryption?.identityFile !== undefined || encryption?.identityCommand !== undefined;

/** A key of KMS is opened with the rights of the command, if they suffice. */
const mayHaveIdentity = (context: ClusterContext) =>
  namesIdentity(context) || context.config.encryption?.kms !== undefined;
