import {
  decode,
  encode,
  FORMAT_VERSION,
  type RawDocument,
  sha256,
} from '../../../backup-set/base/document.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import {
  RESTORE_KEYS_BYTES_MAX,
  SignedRestore,
} from '../../../backup-set/documents/keys/agent-keys.ts';
import { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { signatureOf, signedDocument } from '../../../encryption/signatures/signed-document.ts';
import { readSigningKey, type SigningKey } from '../../../encryption/signatures/signing-key.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Config } from '../../config/schema.ts';
import type { ClusterContext } from '../../context.ts';
import type { RestoreRun } from '../../restore/run.ts';
import type { ExpectedOrders } from '../planned/expected-orders.ts';

/**
 * The key that signs what agents obey; undefined: none is configured, or there are no agents.
 * @throws StowageError `config/invalid`
 */
export async function signingKeyOf({
  shippers: { start, signingKeyFile },
}: Pick<Config, 'shippers'>): Promise<SigningKey | undefined> {
  if (start !== 'agents' || signingKeyFile === undefined) return undefined;
  return readSigningKey(signingKeyFile);
}

/** Digests of the wrapped keys that were stored, by content. */
export type StoredKeys = SignedRestore['keys'];

/** Stores what agents may do in a restore, before the request that they wait for. */
export async function storeSignedRestore(
  { context, store, request }: Pick<RestoreRun, 'context' | 'store' | 'request'>,
  signingKey: SigningKey,
  keys: StoredKeys,
  orders: ExpectedOrders,
): Promise<void> {
  const { id } = request;
  const document = encode(SignedRestore, {
    format: 'stowage/signed-restore',
    version: FORMAT_VERSION,
    id,
    signedAt: context.clock().toISOString(),
    requestSha256: sha256(encode(RestoreRequest, request)),
    keys,
    orders: [...orders].flatMap(([content, digests]) =>
      digests.map(({ phase, sha256: digest }) => ({ phase, content, sha256: digest })),
    ),
  });
  const key = formatKey({ kind: 'signed-restore', restore: id });
  const bytes = signedDocument(signingKey, { root: store.url, key }, document);
  await store.create(key, bytes, { signal: context.signal });
}

/**
 * The key that signs a restore; undefined as of `signingKeyOf`.
 * @param resumed the request of the first restore, when this one resumes it: its signature is
 * demanded when no key of a set proves it.
 * @throws StowageError `config/invalid`, `restore/refused`
 */
export async function signingKeyFor(
  { config, signal }: Pick<ClusterContext, 'config' | 'signal'>,
  store: ObjectStore,
  { resumed, keys }: { readonly resumed: RawDocument | undefined } & Pick<ClusterContext, 'keys'>,
): Promise<SigningKey | undefined> {
  const signingKey = await signingKeyOf(config);
  if (signingKey !== undefined && resumed !== undefined && keys === undefined)
    await requireSignedRequest(signingKey, store, resumed, signal);
  return signingKey;
}

/**
 * A resume does what the request of the first restore says, which lies in the bucket. To sign the
 * wish of another program would undo the signature. That of an encrypted set has a `mac`.
 * @throws StowageError `restore/refused`
 */
async function requireSignedRequest(
  { publicKey }: SigningKey,
  store: ObjectStore,
  request: RawDocument,
  signal: AbortSignal,
): Promise<void> {
  const asked = parseKey(request.key);
  // The document may be that of another restore: its own id proves nothing.
  if (asked?.kind !== 'restore-request') throw new StowageError('internal', request.key);
  const key = formatKey({ kind: 'signed-restore', restore: asked.restore });
  const why = await problemOf();
  if (why === undefined) return;
  throw new StowageError(
    'restore/refused',
    `${request.key} does not prove what the restore was asked for, so it cannot be resumed: ${why}. Start again: drop what it has restored (--create --drop-unfinished drops databases that it has created)`,
    { where: { object: request.key } },
  );

  async function problemOf(): Promise<string | undefined> {
    if ((await store.head(key, { signal })) === undefined)
      return `it is not signed (there is no ${key}): the restore was asked for without shippers.signingKeyFile`;
    const bytes = await store.read(key, { bytesMax: RESTORE_KEYS_BYTES_MAX, signal });
    const signed = signatureOf([publicKey], { root: store.url, key }, bytes);
    if ('problem' in signed) {
      const used = 'if you have its file, resume with it (shippers.signingKeyFile)';
      return `${key}: ${signed.problem}${signed.other === undefined ? '' : `: ${used}`}`;
    }
    const { requestSha256 } = decode(SignedRestore, { key, bytes });
    return requestSha256 === sha256(request.bytes) ? undefined : 'another program has changed it';
  }
}
