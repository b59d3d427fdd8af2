import { mapInFlight } from '../async/each-in-flight.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { Identities } from './identities.ts';
import { keyFrom, listKeyDocuments, readKeyDocuments } from './read-set-key.ts';
import type { KeyedSet } from './set-key.ts';

/** Each is opened by an identity, or by a call of KMS. */
const KEYS_IN_FLIGHT = 8;

/**
 * Keys with which processes of hosts have sealed files of a set, by their ids.
 * @param keyIds of the plan.
 * @throws StowageError `encryption/no-identity`, `encryption/no-key`, `encryption/kms`.
 */
export async function readHostKeys(
  store: ObjectStore,
  set: KeyedSet,
  keyIds: readonly string[],
  { identities, signal }: { readonly identities: Identities; readonly signal?: AbortSignal },
): Promise<ReadonlyMap<string, Buffer>> {
  if (keyIds.length === 0) return new Map();
  const { ofHosts } = await listKeyDocuments(store, set.timestamp, { signal });
  const keys = await mapInFlight(keyIds, KEYS_IN_FLIGHT, async (keyId) => {
    const documents = await readKeyDocuments(store, ofHosts.get(keyId) ?? [], { signal });
    const named = { ...set, keyId, ofHost: true } as const;
    return [keyId, await keyFrom(documents, named, identities, { signal })] as const;
  });
  return new Map(keys);
}
