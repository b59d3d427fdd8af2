import { eachApart } from '../../async/apart.ts';
import { DOCUMENT_BYTES_MAX, decode, encode, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import {
  formatKey,
  type Key,
  parseKey,
  restorePrefix,
  restoresOn,
} from '../../backup-set/base/keys.ts';
import { causedBy } from '../../backup-set/base/verdict.ts';
import {
  failedReceipt,
  RestoreReceipt,
  RestoreRequest,
} from '../../backup-set/documents/restore/restore.ts';
import { throttledReads } from '../../storage/wrapped/throttled-reads.ts';
import { noProgress } from '../deps.ts';
import { CONTROL_VERSION } from '../protocol/control.ts';
import { completeOrder } from '../restore/restore.ts';
import { storeOf } from './config.ts';
import { type ServedContent, servedContents, targetFor } from './contents.ts';
import { restoreKeysFor } from './keys/own-keys.ts';
import { CANNOT_BE_READ, signedContent, signedRestore } from './keys/signatures.ts';
import { type Agent, abortOrder, forgetOrder, forgetOrdersOf, startOrder } from './orders.ts';
import { recentDays } from './recent-days.ts';

type OrderKey = Extract<Key, { kind: 'order' | 'order-claim' | 'restore-receipt' }>;

/**
 * Restores seen so far. The request is undefined when it is not for agents, cannot be read, or when
 * the restore has ended.
 */
export type KnownRestores = Map<string, KnownRequest | undefined>;

interface KnownRequest {
  readonly request: RestoreRequest;
  /** Of its bytes, which a command that signs has signed. */
  readonly sha256: string;
}

/** A larger request is parsed only when it is the one that the command has signed. */
const UNPROVEN_BYTES_MAX = 1024 * 1024;

/** An aborted order has this long to store its failed receipt. */
const FAIL_MS_MAX = 10_000;

/**
 * Polls the restores of today and yesterday, and earlier ones that have not ended. Starts this
 * agent's orders that have no receipt, and aborts running orders that have one. One listing returns
 * every key that is needed.
 */
export async function pollRestores(agent: Agent, known: KnownRestores): Promise<void> {
  const { store, signal } = agent;
  const days = recentDays(await store.now({ signal }), restoresOn);
  const restores = await keysByRestore(agent, known, days);
  let served: readonly ServedContent[] | undefined;
  const polled = eachApart(restores, async ([restore, keys]) => {
    if (keys.some(({ kind }) => kind === 'outcome')) {
      endOrders(agent, keys);
      // Its request is not read again.
      known.set(restore, undefined);
      return;
    }
    if (!keys.some(({ kind }) => kind === 'restore-request')) return;
    const found = await requestOf(agent, known, restore);
    if (found === undefined) return;
    const answered = new Set(keys.filter(ofKind('restore-receipt')).map((key) => orderKey(key)));
    for (const key of keys.filter(ofKind('order'))) {
      const text = formatKey(key);
      if (answered.has(text)) {
        abortOrder(agent, text, 'the order already has a receipt that this agent did not store');
      } else if (
        !['running', 'answered', 'skipped'].includes(agent.orders.get(text)?.state ?? '')
      ) {
        served ??= await servedContents(agent.config, agent.env);
        const own = served.find((segment) => isTarget(segment, key.content, found.request));
        if (own !== undefined) startRestoreOrder(agent, key, own, found);
      }
    }
  });
  await polled.finally(() => forgetOver(agent, known, restores, days));
}

/** Not when its folder is gone: an old order that is put back there must not run a second time. */
function forgetOver(
  agent: Agent,
  known: KnownRestores,
  restores: ReadonlyMap<string, unknown>,
  days: readonly string[],
): void {
  const isOver = (restore: string) =>
    !restores.has(restore) && !days.some((day) => restorePrefix(restore).startsWith(day));
  for (const restore of known.keys()) if (isOver(restore)) known.delete(restore);
  forgetOrdersOf(agent, (key) => key.kind === 'order' && isOver(key.restore));
}

async function keysByRestore(
  { store, signal }: Agent,
  known: KnownRestores,
  days: readonly string[],
) {
  const older = [...known]
    .filter(([, request]) => request !== undefined)
    .map(([restore]) => restorePrefix(restore))
    .filter((prefix) => !days.some((day) => prefix.startsWith(day)));
  const restores = new Map<string, Key[]>();
  for (const prefix of [...older, ...days]) {
    for await (const object of store.list(prefix, { signal })) {
      const key = parseKey(object.key);
      if (key === undefined || !('restore' in key)) continue;
      const keys = restores.get(key.restore) ?? [];
      keys.push(key);
      restores.set(key.restore, keys);
    }
  }
  return restores;
}

async function requestOf(
  agent: Agent,
  known: KnownRestores,
  restore: string,
): Promise<KnownRequest | undefined> {
  if (known.has(restore)) return known.get(restore);
  const { store, log, signal } = agent;
  const key = formatKey({ kind: 'restore-request', restore });
  let found: KnownRequest | undefined;
  try {
    const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal });
    const asked = { restore, sha256: sha256(bytes) };
    if (bytes.length > UNPROVEN_BYTES_MAX) await signedRestore(agent, asked, signal);
    const request = decode(RestoreRequest, { key, bytes });
    if (request.agents) found = { request, sha256: asked.sha256 };
  } catch (error) {
    if (!isStowageError(error, ...CANNOT_BE_READ)) throw error;
    log.warn({ err: error }, 'skipped a restore request that cannot be read');
  }
  known.set(restore, found);
  return found;
}

/** The content number alone is ambiguous: another cluster may restore from the same root. */
function isTarget(
  { content, host, port }: ServedContent,
  orderContent: number,
  { target }: RestoreRequest,
): boolean {
  return (
    content === orderContent &&
    target.contents.some(
      (segment) => segment.content === content && segment.host === host && segment.port === port,
    )
  );
}

function startRestoreOrder(
  agent: Agent,
  key: OrderKey,
  own: ServedContent,
  { request: { target }, sha256: requestSha256 }: KnownRequest,
): void {
  const { config, store, clock, log, throttle } = agent;
  const { restore, phase, content } = key;
  const receipt = formatKey({ ...key, kind: 'restore-receipt' });
  const startedAt = clock();
  startOrder(agent, {
    key: formatKey(key),
    claim: formatKey({ ...key, kind: 'order-claim' }),
    work: async (signal) => {
      const asked = { restore, sha256: requestSha256 };
      const signed = await signedContent(agent, asked, content, signal);
      const held = await restoreKeysFor(agent, key, signed, signal);
      const orders = signed?.orders ?? held?.orders;
      return completeOrder(
        {
          control: CONTROL_VERSION,
          type: 'restore',
          content,
          restore,
          target: targetFor(config, own, target.database, agent.env),
          store: storeOf(config),
          workers: config.workers,
          fifoBase: config.fifoBase,
          ...(own.dataDir !== undefined && { dataDir: own.dataDir }),
        },
        // A phase that the command has not made an order for has no digest that fits.
        { phase, ...(orders && { sha256: orders.get(phase) ?? '' }) },
        {
          store: throttledReads(store, throttle),
          clock,
          log: log.child({ restore, phase, content }),
          report: () => undefined,
          progress: noProgress(),
          throttle,
          signal,
          keys: held?.keys,
        },
      );
    },
    fail: (error) => storeFailedReceipt(agent, receipt, key, error, startedAt),
  });
}

async function storeFailedReceipt(
  { store, clock }: Agent,
  receipt: string,
  { restore: id, phase, content }: OrderKey,
  error: StowageError,
  startedAt: Date,
): Promise<void> {
  const problem = { code: 'segment-failed', content, ...causedBy(error) } as const;
  const document = failedReceipt({ id, phase, content }, problem, startedAt, clock());
  const signal = AbortSignal.timeout(FAIL_MS_MAX);
  await store
    .create(receipt, encode(RestoreReceipt, document), { signal })
    .catch((failure: unknown) => {
      // Another shipper stored a receipt first, or this order did just before it was aborted.
      if (!isStowageError(failure, 'storage/exists')) throw failure;
    });
}

/** The restore has ended: aborts its running orders, and forgets the others. */
function endOrders(agent: Agent, keys: readonly Key[]): void {
  for (const key of keys.filter(ofKind('order'))) {
    abortOrder(agent, formatKey(key), 'the restore has ended');
    forgetOrder(agent, formatKey(key));
  }
}

function ofKind<Kind extends OrderKey['kind']>(kind: Kind) {
  return (key: Key): key is OrderKey & { kind: Kind } => key.kind === kind;
}

const orderKey = (key: OrderKey) => formatKey({ ...key, kind: 'order' });
