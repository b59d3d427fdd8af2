import { randomBytes } from 'node:crypto';
import { encode, FORMAT_VERSION, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import type { Encryption } from '../../../backup-set/documents/plan.ts';
import { withMacs } from '../../../cli/backup/documents/seal.ts';
import { digestOf, digestText } from '../../../frame/digest.ts';
import { fileContext, frameContext } from '../../../frame/seal/context.ts';
import { contentDigestKey, contentKey, setKeyId } from '../../../frame/seal/derive.ts';
import { seal } from '../../../frame/seal/seal.ts';
import { type SetKeys, setKeysOf } from '../../../frame/seal/set-keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { bytesOf, freshDeps } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from '../functions/sets.ts';
import type { SmallEncryption } from './small-frames.ts';

export const CONTENTS = [0, 1];
export const DIGEST_KEY = Buffer.alloc(32, 3);
const OLDER = '20260131010203';
const YOUNGER = '20260201010203';

/**
 * Seals a small set as shippers and the coordinator do.
 * @param digestKey of the coordinator; `none`: as programs did before the second mac.
 */
export function encryptionOf(
  setKey: Buffer,
  timestamp: string,
  older: Encryption['older'],
  digestKey: Buffer | 'none' = DIGEST_KEY,
): SmallEncryption {
  const of = (content: number) => contentKey(setKey, timestamp, content);
  return {
    encryption: {
      keyId: setKeyId(setKey),
      digestKeyId: 'cd'.repeat(16),
      ...(older && { older }),
    },
    frame: (content, place, relation, bytes) =>
      seal(of(content), frameContext(place, relation), bytes),
    file: (content, key, bytes) => seal(of(content), fileContext(key), bytes),
    digest: (content, rows) => digestText(digestOf(rows, contentDigestKey(DIGEST_KEY, content))),
    sealed: (plain) =>
      withMacs(plain, { setKey, digestKey: digestKey === 'none' ? undefined : digestKey }),
  };
}

/** A document with the key of a set. What is wrapped does not matter to the functions. */
export function keyDocument(timestamp: string, keyId: string, instant = `${timestamp}000`) {
  const document: SetKeyDocument = {
    format: 'stowage/set-key',
    version: FORMAT_VERSION,
    timestamp,
    keyId,
    wrappedAt: '2026-01-31T01:02:03.000Z',
    recipients: [{ kind: 'age', recipient: 'age1test' }],
    age: '-----BEGIN AGE ENCRYPTED FILE-----',
  };
  const key = formatKey({ kind: 'set-key', timestamp, instant });
  return { key, bytes: encode(SetKeyDocument, document) };
}

/** A committed encrypted set, and one that carries all of its rows from it. */
export async function encryptedSets(deps?: Deps) {
  const at = deps ?? (await freshDeps());
  const keys = [randomBytes(32), randomBytes(32)] as const;
  const oldKeyId = setKeyId(keys[0]);
  const store = async (timestamp: string, own: SmallEncryption, base?: SmallSet) => {
    const from = base && { base: await baseOf(at, base) };
    const set = await storeObjects(at.store, {
      timestamp,
      contents: CONTENTS,
      encrypted: own,
      ...from,
    });
    const key = keyDocument(timestamp, own.encryption.keyId);
    await storeAll(at.store, [key, ...documentsOf(set)]);
    await stitch(at, timestamp);
    return set;
  };
  const older = await store(OLDER, encryptionOf(keys[0], OLDER, undefined));
  const named = [{ timestamp: OLDER, keyId: oldKeyId }];
  const younger = await store(YOUNGER, encryptionOf(keys[1], YOUNGER, named), older);
  const keyIds = [oldKeyId, setKeyId(keys[1])] as const;
  return { deps: at, older, younger, keys: passed(keys), keyIds, setKeys: keys };
}

/** The content keys of both sets. */
function passed(keys: readonly [Buffer, Buffer]): SetKeys {
  const each = [
    { timestamp: OLDER, setKey: keys[0] },
    { timestamp: YOUNGER, setKey: keys[1] },
  ];
  return setKeysOf(
    each.flatMap(({ timestamp, setKey }) =>
      CONTENTS.map((content) => ({
        timestamp,
        content,
        key: contentKey(setKey, timestamp, content).toString('base64'),
      })),
    ),
  );
}

export async function baseOf({ store }: Deps, { timestamp, contents }: SmallSet) {
  const parts = new Map<number, Uint8Array>();
  for (const content of contents)
    parts.set(
      content,
      await bytesOf(store, formatKey({ kind: 'manifest-part', timestamp, content })),
    );
  const manifest = await bytesOf(store, formatKey({ kind: 'manifest', timestamp }));
  return { base: { timestamp, manifestSha256: sha256(manifest) }, parts };
}
