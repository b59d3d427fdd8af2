import {
  decode,
  encode,
  FORMAT_VERSION,
  RECEIPT_BYTES_MAX,
} from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { Claim } from '../../backup-set/documents/agents.ts';
import type { ObjectStore } from '../../storage/store.ts';

/** Who an agent is: the name stays, the instance is this process. */
export interface Identity {
  readonly name: string;
  readonly instance: string;
}

/**
 * `mine`: nobody had the order; `broken-off`: a former process of this agent had begun it, and must have ended amid it;
 * `taken`: another agent has it.
 */
export type ClaimResult = 'mine' | 'broken-off' | 'taken';

/** Takes an order before anything of it is done: of any number of agents one succeeds, and once only. */
export async function claimOrder(
  store: ObjectStore,
  keys: { readonly order: string; readonly claim: string },
  { name, instance }: Identity,
  now: Date,
): Promise<ClaimResult> {
  const claim: Claim = {
    format: 'stowage/claim',
    version: FORMAT_VERSION,
    order: keys.order,
    agent: name,
    instance,
    claimedAt: now.toISOString(),
  };
  try {
    await store.create(keys.claim, encode(Claim, claim));
    return 'mine';
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
  }
  const holder = await readClaim(store, keys.claim);
  if (holder !== undefined && holder.agent !== name) return 'taken';
  // Our own, stored by a request whose answer was lost: an order is asked for once in a process.
  return holder?.instance === instance ? 'mine' : 'broken-off';
}

/** Undefined when it cannot be read: then whoever made it cannot be asked, and the order must not be begun. */
async function readClaim(store: ObjectStore, key: string): Promise<Claim | undefined> {
  try {
    return decode(Claim, { key, bytes: await store.read(key, { bytesMax: RECEIPT_BYTES_MAX }) });
  } catch (error) {
    if (isStowageError(error, 'set/unreadable', 'storage/too-large')) return undefined;
    throw error;
  }
}
