import {
  decode,
  encode,
  FORMAT_VERSION,
  RECEIPT_BYTES_MAX,
} from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { Claim } from '../../backup-set/documents/agents.ts';
import { WITHHELD } from '../../storage/errors.ts';
import type { ObjectStore } from '../../storage/store.ts';

/** The name stays the same after a restart; the instance stands for one process. */
export interface AgentIdentity {
  readonly name: string;
  readonly instance: string;
}

/**
 * `claimed`: this process has the order now. `restarted`: an earlier process of this agent had
 * claimed the order and ended before it had run it. `taken`: another agent has it.
 */
export type ClaimResult = 'claimed' | 'restarted' | 'taken';

/** Claims an order before it is run. Of any number of agents one succeeds, and only once. */
export async function claimOrder(
  store: ObjectStore,
  keys: { readonly order: string; readonly claim: string },
  { name, instance }: AgentIdentity,
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
    return 'claimed';
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
  }
  const holder = await readClaim(store, keys.claim);
  if (holder !== undefined && holder.agent !== name) return 'taken';
  // The same instance: the store had created the claim, but its response was lost.
  return holder?.instance === instance ? 'claimed' : 'restarted';
}

/** Undefined when it cannot be read: its agent is then unknown, and the order must not be run. */
async function readClaim(store: ObjectStore, key: string): Promise<Claim | undefined> {
  try {
    return decode(Claim, { key, bytes: await store.read(key, { bytesMax: RECEIPT_BYTES_MAX }) });
  } catch (error) {
    // A claim that is withheld would be asked for at each poll.
    if (isStowageError(error, 'set/unreadable', 'storage/too-large', ...WITHHELD)) return undefined;
    throw error;
  }
}
