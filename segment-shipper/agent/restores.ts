import { DOCUMENT_BYTES_MAX, decode, encode } from '../../backup-set/base/document.ts';
import { isStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import {
  formatKey,
  type Key,
  parseKey,
  restorePrefix,
  restoresOn,
} from '../../backup-set/base/keys.ts';
import {
  failedReceipt,
  RestoreReceipt,
  RestoreRequest,
} from '../../backup-set/documents/restore.ts';
import { noProgress } from '../deps.ts';
import { CONTROL_VERSION } from '../protocol/control.ts';
import { throttledReads } from '../rate/throttle.ts';
import { followOrder } from '../restore/restore.ts';
import { type ServedContent, servedContents, targetFor } from './contents.ts';
import { type Agent, abortOrder, follow, forget } from './orders.ts';

type OrderKey = Extract<Key, { kind: 'order' | 'order-claim' | 'restore-receipt' }>;

/** Restores that were looked at: the request where it is for agents, undefined where it is not, or cannot be read. */
export type KnownRestores = Map<string, RestoreRequest | undefined>;

const DAY_MS = 86_400_000;
/** The last word of an order that is broken off gets its own, short, time. */
const FAIL_MS_MAX = 10_000;

/**
 * Looks at the restores of today and yesterday, and at those seen unfinished before: begins this agent's orders that nobody has
 * answered, and breaks off those that somebody has. One listing holds every key that is needed.
 */
export async function pollRestores(agent: Agent, known: KnownRestores): Promise<void> {
  const restores = await keysByRestore(agent, known);
  let served: readonly ServedContent[] | undefined;
  for (const [restore, keys] of restores) {
    if (keys.some(({ kind }) => kind === 'outcome')) {
      end(agent, keys);
      // Remembered as none of ours, and not read again.
      known.set(restore, undefined);
      continue;
    }
    if (!keys.some(({ kind }) => kind === 'restore-request')) continue;
    const request = await requestOf(agent, known, restore);
    if (request === undefined) continue;
    const answered = new Set(keys.filter(ofKind('restore-receipt')).map((key) => orderKey(key)));
    for (const key of keys.filter(ofKind('order'))) {
      const text = formatKey(key);
      if (answered.has(text)) {
        abortOrder(agent, text, 'somebody else has answered for this order');
      } else if (!['running', 'answered', 'left'].includes(agent.orders.get(text)?.state ?? '')) {
        served ??= await servedContents(agent.config, agent.env);
        const here = served.find((segment) => isMeant(segment, key.content, request));
        if (here !== undefined) begin(agent, key, here, request);
      }
    }
  }
  for (const restore of known.keys()) if (!restores.has(restore)) known.delete(restore);
}

async function keysByRestore({ clock, store, signal }: Agent, known: KnownRestores) {
  const now = clock().getTime();
  const days = [now - DAY_MS, now].map((ms) => restoresOn(new Date(ms)));
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
  { store, log, signal }: Agent,
  known: KnownRestores,
  restore: string,
): Promise<RestoreRequest | undefined> {
  if (known.has(restore)) return known.get(restore);
  const key = formatKey({ kind: 'restore-request', restore });
  let request: RestoreRequest | undefined;
  try {
    const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal });
    const read = decode(RestoreRequest, { key, bytes });
    if (read.agents && read.id === restore) request = read;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable', 'storage/too-large')) throw error;
    log.warn({ err: error }, 'this request cannot be read: ignored');
  }
  known.set(restore, request);
  return request;
}

/** The same content of another cluster may restore from this root: host and port say whose order it is. */
function isMeant(
  { content, host, port }: ServedContent,
  ordered: number,
  { target }: RestoreRequest,
): boolean {
  return (
    content === ordered &&
    target.contents.some((one) => one.content === content && one.host === host && one.port === port)
  );
}

function begin(agent: Agent, key: OrderKey, here: ServedContent, { target }: RestoreRequest): void {
  const { config, store, clock, log, throttle } = agent;
  const { restore, phase, content } = key;
  const receipt = formatKey({ ...key, kind: 'restore-receipt' });
  const startedAt = clock();
  follow(agent, {
    key: formatKey(key),
    claim: formatKey({ ...key, kind: 'order-claim' }),
    work: (signal) =>
      followOrder(
        {
          control: CONTROL_VERSION,
          type: 'restore',
          content,
          restore,
          target: targetFor(config, here, target.database, agent.env),
          store: { root: config.root, s3: config.storage },
          workers: config.workers,
          fifoBase: config.fifoBase,
          ...(here.dataDir !== undefined && { dataDir: here.dataDir }),
        },
        phase,
        {
          store: throttledReads(store, throttle),
          clock,
          log: log.child({ restore, phase, content }),
          report: () => undefined,
          progress: noProgress(),
          throttle,
          signal,
        },
      ),
    fail: (error) => storeFailed(agent, receipt, key, error, startedAt),
  });
}

async function storeFailed(
  { store, clock }: Agent,
  receipt: string,
  { restore: id, phase, content }: OrderKey,
  { message, code }: StowageError,
  startedAt: Date,
): Promise<void> {
  const problem = { code: 'segment-failed', content, message: `${message} (${code})` } as const;
  const document = failedReceipt({ id, phase, content }, problem, startedAt, clock());
  const signal = AbortSignal.timeout(FAIL_MS_MAX);
  await store
    .create(receipt, encode(RestoreReceipt, document), { signal })
    .catch((error: unknown) => {
      // Somebody has answered already; or we had, just before the interruptedError.
      if (!isStowageError(error, 'storage/exists')) throw error;
    });
}

/** The restore is over: nobody waits for what still runs, and what has ended may be forgotten. */
function end(agent: Agent, keys: readonly Key[]): void {
  for (const key of keys.filter(ofKind('order'))) {
    abortOrder(agent, formatKey(key), 'the restore has ended');
    forget(agent, formatKey(key));
  }
}

function ofKind<Kind extends OrderKey['kind']>(kind: Kind) {
  return (key: Key): key is OrderKey & { kind: Kind } => key.kind === kind;
}

const orderKey = (key: OrderKey) => formatKey({ ...key, kind: 'order' });
