import { eachInFlight } from '../../async/each-in-flight.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import { readHostKeys } from '../../encryption/read-host-keys.ts';
import { readSetKey } from '../../encryption/read-set-key.ts';
import { contentKey } from '../../frame/seal/derive.ts';
import { noKey } from '../../frame/seal/set-keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import type { HeldKeys } from './held.ts';
import { identitiesOf } from './identities.ts';

/** Each costs two requests, and a set can use packs of many older ones. */
const SETS_IN_FLIGHT = 8;

type KeyedManifest = Pick<Manifest, 'timestamp' | 'root' | 'needs' | 'encryption'>;

/**
 * Unwraps the keys with which the rows of a set are read. Undefined: the set is not encrypted.
 * @throws StowageError `encryption/no-identity`, `encryption/no-key`, `encryption/kms`.
 */
export async function heldKeys(
  context: ClusterContext,
  store: ObjectStore,
  { timestamp, root, needs, encryption }: KeyedManifest,
): Promise<HeldKeys | undefined> {
  if (encryption === undefined) return undefined;
  const identities = await identitiesOf(context);
  const { signal } = context;
  const read = (older: string, keyId?: string) =>
    readSetKey(store, { timestamp: older, root, ...(keyId && { keyId }) }, identities, { signal });
  const setKey = await read(timestamp, encryption.keyId);
  const keys = new Map([[timestamp, setKey]]);
  // The plan names them, and its seal has a mac: a forged older set has another key.
  const keyIds = new Map(encryption.older?.map((one) => [one.timestamp, one.keyId]));
  await eachInFlight(needs, SETS_IN_FLIGHT, async (older) => {
    keys.set(older, await read(older, keyIds.get(older)));
  });
  const set = { timestamp, root };
  const hostKeys = await readHostKeys(store, set, encryption.hostKeys ?? [], {
    identities,
    signal,
  });
  return {
    setKey,
    hostKeys,
    of(object, keyId) {
      const place = parseKey(object);
      if (place === undefined || !('timestamp' in place) || !('content' in place))
        throw noKey(object);
      const isOfHost = keyId !== undefined && place.timestamp === timestamp;
      const key = isOfHost ? hostKeys.get(keyId) : keys.get(place.timestamp);
      if (key === undefined) throw noKey(object);
      return contentKey(key, place.timestamp, place.content);
    },
    passed: (contents) =>
      [...keys].flatMap(([of, key]) =>
        contents.map((content) => ({
          timestamp: of,
          content,
          key: contentKey(key, of, content).toString('base64'),
        })),
      ),
  };
}
