import { StowageError } from '../../backup-set/base/errors.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { isEncrypting } from '../../encryption/settings.ts';
import type { Deps } from '../../functions/deps.ts';
import type { ClusterContext } from '../context.ts';
import type { HeldKeys } from './held.ts';
import { heldKeys } from './held-keys.ts';
import { noteUnproven } from './note-unproven.ts';
import { requireProven } from './prove.ts';

/**
 * Before a command reads rows of a set: its keys, and the proof that its manifest is what its
 * backup sealed. Notes a set that our digest key does not prove. Undefined: the set is not
 * encrypted, and the operator accepts that.
 * @throws StowageError `encryption/plain-set`; as `heldKeys` and `requireProven`.
 */
export async function provenKeys(
  context: ClusterContext,
  deps: Deps,
  manifest: Manifest,
): Promise<HeldKeys | undefined> {
  requireEncrypted(context, manifest);
  const keys = await heldKeys(context, deps.store, manifest);
  if (keys === undefined) return undefined;
  await requireProven(deps, manifest, keys);
  await noteUnproven(context, deps, manifest.timestamp);
  return keys;
}

/**
 * A program that can write to the bucket can replace an encrypted set by a plain one of its own. A
 * host that only restores names no recipients: an identity says as well that sets are encrypted.
 */
export function requireEncrypted(
  { config: { encryption }, acceptsPlain }: ClusterContext,
  { timestamp, encryption: keyed }: Pick<Manifest, 'timestamp' | 'encryption'>,
): void {
  if (keyed !== undefined || acceptsPlain === true || encryption === undefined) return;
  const encrypts = isEncrypting(encryption);
  throw new StowageError(
    'encryption/plain-set',
    `set ${timestamp} is not encrypted, but ${encrypts ? 'the configuration names recipients' : 'an identity is named'}: either it is from before encryption was turned on, or another program wrote it in place of an encrypted set`,
    {
      where: {
        set: timestamp,
        field: encrypts ? 'encryption.recipients' : 'encryption.identityFile',
      },
    },
  );
}
