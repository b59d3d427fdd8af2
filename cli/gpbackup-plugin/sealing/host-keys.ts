import { encode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import { makeSetKey } from '../../../encryption/set-key.ts';
import type { EncryptionSettings } from '../../../encryption/settings.ts';
import { contentKey, setKeyId } from '../../../frame/seal/derive.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { kmsOf } from '../../keys/identities.ts';

/** The keys with which a resident process seals: in its memory only, until it ends. */
export interface HostKeys {
  /**
   * What seals the files of a content. The first call for a set makes the key of this process, and
   * stores it wrapped for all recipients: a file without a stored key would be lost.
   * @throws StowageError `encryption/recipient`, `encryption/kms`; of the store.
   */
  sealerOf(timestamp: string, content: number): Promise<Sealer>;
}

export interface Sealer {
  readonly key: Buffer;
  readonly keyId: string;
}

/** @param encryption names recipients. No identity is needed, and none is read. */
export function hostKeysFor(
  context: ClusterContext,
  encryption: EncryptionSettings,
  store: ObjectStore,
): HostKeys {
  const made = new Map<string, Promise<Buffer>>();
  const keyOf = (timestamp: string) => {
    const known = made.get(timestamp);
    if (known !== undefined) return known;
    const making = makeHostKey(context, encryption, store, timestamp);
    made.set(timestamp, making);
    // The next call tries again.
    making.catch(() => made.delete(timestamp));
    return making;
  };
  return {
    async sealerOf(timestamp, content) {
      const key = await keyOf(timestamp);
      return { key: contentKey(key, timestamp, content), keyId: setKeyId(key) };
    },
  };
}

async function makeHostKey(
  context: ClusterContext,
  encryption: EncryptionSettings,
  store: ObjectStore,
  timestamp: string,
): Promise<Buffer> {
  const wrappedAt = context.clock();
  const { signal } = context;
  const { key, document } = await makeSetKey(
    encryption,
    { timestamp, root: store.url, ofHost: true },
    { wrappedAt, kms: kmsOf(context), signal },
  );
  const { keyId } = document;
  const at = formatKey({ kind: 'host-key', timestamp, keyId, instant: instantOf(wrappedAt) });
  await store.create(at, encode(SetKeyDocument, document), { signal });
  return key;
}
