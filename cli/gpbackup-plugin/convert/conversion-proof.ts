import type { RawDocument } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import { readDigestKey } from '../../../encryption/digest-key.ts';
import { readSetKey } from '../../../encryption/read-set-key.ts';
import type { Deps } from '../../../functions/deps.ts';
import type { ClusterContext } from '../../context.ts';
import { identitiesOf } from '../../keys/identities.ts';
import { provenPlan } from '../../keys/proven-plan.ts';
import { coordinatorFault, originalFault } from '../../keys/seal-macs.ts';

/** What is wrong with the seal of a set that says that it was made from another one. */
export type SealFault = (seal: RawDocument) => string | undefined;

/**
 * What proves that a set is the conversion of an original. Of an encrypted one: the key of the
 * original, which only a program with an identity has. Of a plain one: the digest key, where this
 * host has it. Undefined: there is no key, and nothing proves the original either.
 * @throws StowageError `set/damaged`, `encryption/no-identity`, `encryption/no-key`.
 */
export async function conversionFault(
  context: ClusterContext,
  deps: Deps,
  { timestamp, root, encryption }: Manifest,
): Promise<SealFault | undefined> {
  if (encryption === undefined) {
    const digestKey = await digestKeyOf(context);
    return digestKey && ((seal) => unreadable(() => coordinatorFault(digestKey, seal)));
  }
  const { signal } = context;
  const set = { timestamp, root, keyId: encryption.keyId };
  const originalKey = await readSetKey(deps.store, set, await identitiesOf(context), { signal });
  // A manifest that was exchanged would name the key of another program.
  await provenPlan(deps, timestamp, originalKey);
  return (seal) => unreadable(() => originalFault(originalKey, seal));
}

/** A host that only restores may have the configuration of the coordinator without its key. */
async function digestKeyOf({ config }: ClusterContext): Promise<Buffer | undefined> {
  const file = config.encryption?.digestKeyFile;
  if (file === undefined) return undefined;
  return readDigestKey(file).catch((error: unknown) => {
    if (!isStowageError(error, 'config/invalid')) throw error;
    return undefined;
  });
}

function unreadable(faultOf: () => string | undefined): string | undefined {
  try {
    return faultOf();
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return 'its seal cannot be read';
  }
}
