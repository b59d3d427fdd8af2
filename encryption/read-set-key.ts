import { decode, type RawDocument } from '../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../backup-set/base/errors.ts';
import { hostKeyPrefix, parseKey, setKeysPrefix } from '../backup-set/base/keys.ts';
import { plural } from '../backup-set/base/words.ts';
import {
  SET_KEY_BYTES_MAX,
  SetKeyDocument,
  WrappedSetKey,
} from '../backup-set/documents/keys/set-key.ts';
import { setKeyId } from '../frame/seal/derive.ts';
import type { ObjectStore } from '../storage/store.ts';
import type { Identities } from './identities.ts';
import { type KeyedSet, kmsContext } from './set-key.ts';
import { unwrap } from './wrap.ts';

/**
 * Key documents of one set that are read, the newest: a change of recipients writes one. More are
 * there only when another program has written them.
 */
export const DOCUMENTS_MAX = 1000;

/** A set, and what its plan says of its key: of an expired set whose packs are used, nothing. */
export type NamedSet = KeyedSet & {
  readonly keyId?: string;
  /** The key is one of a host, with which it has sealed files of the set. */
  readonly ofHost?: true;
};

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/**
 * The key of a set, as its plan describes it, from any of the set's key documents.
 * @throws StowageError `encryption/no-identity` when no identity opens one of them;
 * `encryption/no-key` when what opens is not the key of this set; `encryption/kms`.
 */
export async function readSetKey(
  store: ObjectStore,
  set: NamedSet,
  identities: Identities,
  options: Options,
): Promise<Buffer> {
  const documents = await keyDocumentsOf(store, set.timestamp, options);
  return keyFrom(documents, set, identities, options);
}

/** As `readSetKey`, from documents that were read already. */
export async function keyFrom(
  documents: readonly RawDocument[],
  set: NamedSet,
  identities: Identities,
  options: Options,
): Promise<Buffer> {
  const failures: StowageError[] = [];
  // The newest first: the recipients of older ones may have been removed.
  for (const { key: object, bytes } of documents.toReversed()) {
    try {
      const document = decode(SetKeyDocument, { key: object, bytes });
      const opened = await openSetKey(document, set, identities, options);
      if (opened !== undefined) return opened;
    } catch (error) {
      if (!isStowageError(error)) throw error;
      const { code, message, where } = error;
      failures.push(
        new StowageError(code, `set ${set.timestamp}: ${object}: ${message}`, {
          cause: error,
          where: { set: set.timestamp, object, ...where },
        }),
      );
    }
  }
  throw failures[0] ?? notOpened(set, documents, identities);
}

/**
 * The documents that hold the wrapped key of a set, oldest first. One that cannot be read, because
 * it is too large or was removed, is left out where there are others.
 */
export async function keyDocumentsOf(
  store: ObjectStore,
  timestamp: string,
  options: Options,
): Promise<RawDocument[]> {
  const { ofSet } = await listKeyDocuments(store, timestamp, options);
  return readKeyDocuments(store, ofSet, options);
}

/** Keys of objects, oldest first: what holds the key of a set, and what each key of its hosts. */
export async function listKeyDocuments(
  store: ObjectStore,
  timestamp: string,
  { signal }: Options,
): Promise<{ readonly ofSet: string[]; readonly ofHosts: Map<string, string[]> }> {
  const ofSet: string[] = [];
  const ofHosts = new Map<string, string[]>();
  for await (const { key } of store.list(setKeysPrefix(timestamp), { signal })) {
    const parsed = parseKey(key);
    if (parsed?.kind === 'set-key') keepNewest(ofSet, key);
    else if (parsed?.kind === 'host-key') {
      const ofHost = ofHosts.get(parsed.keyId) ?? [];
      ofHosts.set(parsed.keyId, ofHost);
      keepNewest(ofHost, key);
    }
  }
  return { ofSet, ofHosts };
}

/** Keys of documents are listed in the order of their instants. */
function keepNewest(keys: string[], key: string): void {
  if (keys.push(key) > DOCUMENTS_MAX) keys.shift();
}

/** Reads documents with wrapped keys, as `keyDocumentsOf`. */
export async function readKeyDocuments(
  store: ObjectStore,
  keys: readonly string[],
  { signal }: Options,
): Promise<RawDocument[]> {
  const documents: RawDocument[] = [];
  let failure: StowageError | undefined;
  for (const key of keys) {
    try {
      const bytes = await store.read(key, { bytesMax: SET_KEY_BYTES_MAX, signal });
      documents.push({ key, bytes });
    } catch (error) {
      if (!isStowageError(error, 'storage/too-large', 'storage/not-found')) throw error;
      failure ??= error;
    }
  }
  if (documents.length === 0 && failure !== undefined) throw failure;
  return documents;
}

/**
 * The key of the set that a document holds; undefined when none of the identities opens it.
 * @throws StowageError `encryption/no-key` when the document is of another set.
 */
export async function openSetKey(
  document: SetKeyDocument,
  set: NamedSet,
  identities: Identities,
  { signal }: Options,
): Promise<Buffer | undefined> {
  let damage: StowageError | undefined;
  for (const copy of [byAge, byKms]) {
    try {
      const line = await copy();
      if (line !== undefined) return keyIn(line, set);
    } catch (error) {
      // A damaged copy must not hide the good one beside it.
      if (!isStowageError(error, ...OF_THE_COPY)) throw error;
      damage ??= error;
    }
  }
  if (damage !== undefined) throw damage;
  return undefined;

  async function byAge(): Promise<Uint8Array | undefined> {
    return document.age === undefined ? undefined : unwrap(identities, document.age);
  }

  async function byKms(): Promise<Uint8Array | undefined> {
    const [first] = document.kms ?? [];
    if (first === undefined || identities.kms === undefined) return undefined;
    const call = { context: kmsContext(set), signal };
    return identities.kms.decrypt(first.keyArn, first.ciphertext, call);
  }
}

/** Codes of what is wrong with one wrapped copy of the key. */
const OF_THE_COPY = ['set/unreadable', 'encryption/no-key', 'encryption/kms'] as const;

function keyIn(line: Uint8Array, set: NamedSet): Buffer {
  const { timestamp, root, key } = decode(WrappedSetKey, { key: 'the wrapped key', bytes: line });
  if (timestamp !== set.timestamp)
    throw otherKey(`it was wrapped for set ${timestamp}, not for set ${set.timestamp}`);
  if (root !== set.root)
    throw otherKey(
      `it was wrapped for the root ${root}, and the plan of the set names ${set.root}`,
    );
  const found = Buffer.from(key, 'base64');
  if (set.keyId !== undefined && setKeyId(found) !== set.keyId)
    throw otherKey("it is not the key that the set's plan names (the key id differs)");
  return found;
}

const otherKey = (reason: string) =>
  new StowageError('encryption/no-key', `the wrapped key is refused: ${reason}`);

function notOpened(
  { timestamp, keyId = '', ofHost }: NamedSet,
  documents: readonly RawDocument[],
  identities: Identities,
): StowageError {
  const where = { set: timestamp };
  if (documents.length === 0) {
    const [what, prefix] = ofHost
      ? [`the wrapped key ${keyId} of a host`, hostKeyPrefix(timestamp, keyId)]
      : ['its wrapped key', setKeysPrefix(timestamp)];
    return new StowageError(
      'encryption/no-key',
      `set ${timestamp} is encrypted, and ${what} is missing: no object below ${prefix}`,
      { where },
    );
  }
  const recipients = documents.flatMap((raw) => decode(SetKeyDocument, raw).recipients);
  const names = recipients.map((one) => (one.kind === 'age' ? one.recipient : one.keyArn));
  const mine = identities.age.map(({ recipient, from }) => `${from}: ${recipient}`).join(', ');
  const had =
    mine === ''
      ? 'and no identity is named'
      : `and ${identities.age.length === 1 ? 'the identity does' : 'the identities do'} not open it (${mine})`;
  const isCut = documents.length === DOCUMENTS_MAX;
  const cut = isCut
    ? ` of its newest ${DOCUMENTS_MAX} key documents, and older ones were not read`
    : '';
  return new StowageError(
    'encryption/no-identity',
    `set ${timestamp} is encrypted, ${had}. Its ${plural(new Set(names).size, 'recipient')}: ${[...new Set(names)].join(', ')}${cut}`,
    { where },
  );
}
