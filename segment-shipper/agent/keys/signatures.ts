import { decode, RECEIPT_BYTES_MAX } from '../../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, type Phase } from '../../../backup-set/base/keys.ts';
import { plural } from '../../../backup-set/base/words.ts';
import {
  RESTORE_KEYS_BYTES_MAX,
  SignedRestore,
} from '../../../backup-set/documents/keys/agent-keys.ts';
import { signatureOf } from '../../../encryption/signatures/signed-document.ts';
import type { AgentConfig } from '../config.ts';
import type { Agent } from '../orders.ts';

type Obeying = { readonly config: Pick<AgentConfig, 'signedBy'> } & Pick<Agent, 'store'>;

/** What the log of an agent says at its start, once, when its file names no keys. */
export const OBEYS_ALL =
  'it obeys every order under its root, so any program that can write there can give it orders: set signedBy in agent.yaml (docs/agents.md, Signed orders)';

/** What makes an agent skip an object for good. Other failures can end, so it tries again. */
export const CANNOT_BE_READ = ['set/unreadable', 'storage/too-large', 'orders/signature'] as const;

/**
 * Why this agent does not obey a document of the bucket; undefined: it does. Without `signedBy` it
 * obeys every document.
 */
export function refusalOf(
  { config: { signedBy }, store }: Obeying,
  key: string,
  bytes: Uint8Array,
): StowageError | undefined {
  if (signedBy === undefined) return undefined;
  const signed = signatureOf(signedBy, { root: store.url, key }, bytes);
  return 'by' in signed ? undefined : refused(key, signed.problem);
}

/** As `refusalOf`, of an object that is there. Read only when the agent compares signatures. */
export async function refusalOfStored(
  agent: Obeying & Pick<Agent, 'signal'>,
  key: string,
): Promise<StowageError | undefined> {
  const { config, store, signal } = agent;
  if (config.signedBy === undefined) return undefined;
  try {
    const bytes = await store.read(key, { bytesMax: RECEIPT_BYTES_MAX, signal });
    return refusalOf(agent, key, bytes);
  } catch (error) {
    if (isStowageError(error, 'storage/too-large')) return refused(key, 'it is too large');
    throw error;
  }
}

/**
 * An unsigned document is read to see which agent it is for, because its sender waits for an
 * answer. A huge one could end this process, again at each start.
 * @throws StowageError `orders/signature`
 */
export function requireSmall(key: string, bytes: Uint8Array, bytesMax: number): void {
  if (bytes.length <= bytesMax) return;
  const size = plural(bytes.length, 'byte');
  throw refused(key, `it is not signed, and too large to be looked at (${size})`);
}

/** What the command has signed for one content of a restore. */
export interface SignedContent {
  /** Of the wrapped keys; undefined: the set is not encrypted. */
  readonly keysSha256: string | undefined;
  readonly orders: ReadonlyMap<Phase, string>;
}

/** A restore, and the digest of its request as this agent has read it. */
interface AskedRequest {
  readonly restore: string;
  readonly sha256: string;
}

/**
 * What this agent may do for a content of a restore. Undefined: whatever its orders say, because
 * agent.yaml has no `signedBy`.
 * @throws StowageError `orders/signature`
 */
export async function signedContent(
  agent: Obeying,
  request: AskedRequest,
  content: number,
  signal: AbortSignal,
): Promise<SignedContent | undefined> {
  const signed = await signedRestore(agent, request, signal);
  if (signed === undefined) return undefined;
  const own = signed.orders.filter((order) => order.content === content);
  return {
    keysSha256: signed.keys.find((wrapped) => wrapped.content === content)?.sha256,
    orders: new Map(own.map(({ phase, sha256 }) => [phase, sha256])),
  };
}

/** The same for all contents. */
export async function signedRestore(
  agent: Obeying,
  request: AskedRequest,
  signal: AbortSignal,
): Promise<SignedRestore | undefined> {
  const { config, store } = agent;
  if (config.signedBy === undefined) return undefined;
  const { restore } = request;
  const key = formatKey({ kind: 'signed-restore', restore });
  let bytes: Uint8Array;
  try {
    bytes = await store.read(key, { bytesMax: RESTORE_KEYS_BYTES_MAX, signal });
  } catch (error) {
    if (!isStowageError(error, 'storage/not-found')) throw error;
    throw refused(`restore ${restore}`, `it is not signed (there is no ${key})`);
  }
  const refusal = refusalOf(agent, key, bytes);
  if (refusal !== undefined) throw refusal;
  const signed = decode(SignedRestore, { key, bytes });
  if (signed.requestSha256 !== request.sha256)
    throw refused(
      formatKey({ kind: 'restore-request', restore }),
      `it is not the request that ${key} names: another program has changed it`,
    );
  return signed;
}

/** A document of the bucket that the agent does not act on. */
export function refused(object: string, problem: string): StowageError {
  return new StowageError(
    'orders/signature',
    `${object} is refused: ${problem}. This agent obeys only orders that a key in signedBy of its agent.yaml has signed: either the command has no such key (shippers.signingKeyFile), names the root in another way or is of an earlier version, or another program has written the order`,
    { where: { object } },
  );
}
