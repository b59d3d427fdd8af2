import { decode, encode } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { instantOf } from '../../../backup-set/base/timestamps.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import { readDigestKey } from '../../../encryption/digest-key.ts';
import { listKeyDocuments, readKeyDocuments } from '../../../encryption/read-set-key.ts';
import { makeSetKey } from '../../../encryption/set-key.ts';
import type { EncryptionSettings } from '../../../encryption/settings.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { isSame, namesOf } from '../../key/change.ts';
import { recipientsOf } from '../../key/sets.ts';
import { kmsOf } from '../../keys/identities.ts';
import type { StoredReceipts } from './receipts.ts';

/**
 * The key of the set itself: it seals no file, and proves plan and seal to a holder of an identity.
 * Its document is stored before the seal.
 */
export async function storeNewSetKey(
  context: ClusterContext,
  encryption: EncryptionSettings,
  store: ObjectStore,
  timestamp: string,
): Promise<Buffer> {
  const wrappedAt = context.clock();
  const { signal } = context;
  const set = { timestamp, root: store.url };
  const wrapping = { wrappedAt, kms: kmsOf(context), signal };
  const { key, document } = await makeSetKey(encryption, set, wrapping);
  const at = formatKey({ kind: 'set-key', timestamp, instant: instantOf(wrappedAt) });
  await store.create(at, encode(SetKeyDocument, document), { signal });
  return key;
}

/**
 * The key that proves the set as one of this coordinator, where it has one: hosts have its
 * configuration without the file. A set whose backup has ended is sealed in any case.
 */
export async function digestKeyOf(
  { log }: Pick<ClusterContext, 'log'>,
  { digestKeyFile }: EncryptionSettings,
): Promise<Buffer | undefined> {
  if (digestKeyFile === undefined) return undefined;
  try {
    return await readDigestKey(digestKeyFile);
  } catch (error) {
    if (!isStowageError(error, 'config/invalid')) throw error;
    log.warn({ err: error }, 'the seal gets no coordinatorMac: the digest key cannot be read');
    return undefined;
  }
}

/** The ids of the keys with which hosts have sealed files, sorted. */
export function hostKeyIds(receipts: StoredReceipts): string[] {
  const ids = [...receipts.values()].flatMap(({ receipt }) => receipt.object.keyId ?? []);
  return [...new Set(ids)].sort();
}

/**
 * Why not every recipient of this configuration can open the whole set. No key is opened: the
 * coordinator has no identity.
 */
export async function keyFailures(
  encryption: EncryptionSettings,
  store: ObjectStore,
  timestamp: string,
  receipts: StoredReceipts,
): Promise<StowageError[]> {
  const failures: StowageError[] = [];
  const fail = (keyId: string, why: string) => {
    const user = [...receipts.values()].find(({ receipt }) => receipt.object.keyId === keyId);
    const what = `the key of the host that stored ${user?.receipt.file ?? 'no file'}`;
    failures.push(new StowageError('set/incomplete', `${what} ${why}`));
  };
  const clear = [...receipts.values()].find(({ receipt }) => receipt.object.keyId === undefined);
  if (clear !== undefined)
    failures.push(
      new StowageError('set/incomplete', `${clear.receipt.file} was stored without encryption`),
    );
  const { ofHosts } = await listKeyDocuments(store, timestamp, {});
  for (const keyId of hostKeyIds(receipts)) {
    const document = await firstDocument(store, ofHosts.get(keyId) ?? []);
    if (document?.root !== store.url) {
      const stored = document === undefined ? 'is not stored' : `was wrapped for ${document.root}`;
      fail(keyId, `${stored}: all hosts must name the root as this one does, ${store.url}`);
      continue;
    }
    const had = recipientsOf(document);
    const missing = namesOf(encryption).find((named) => !had.some((one) => isSame(one, named)));
    if (missing !== undefined)
      fail(keyId, `was not wrapped for ${missing}: give every host the same encryption section`);
  }
  return failures;
}

/** The oldest that can be read: another program may have written one beside that of the host. */
async function firstDocument(
  store: ObjectStore,
  keys: readonly string[],
): Promise<SetKeyDocument | undefined> {
  for (const raw of await readKeyDocuments(store, keys, {})) {
    try {
      return decode(SetKeyDocument, raw);
    } catch (error) {
      if (!isStowageError(error, 'set/unreadable')) throw error;
    }
  }
  return undefined;
}
