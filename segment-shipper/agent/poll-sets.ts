import { DOCUMENT_BYTES_MAX, decode } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { agentsPrefix, formatKey, parseKey, setsOn } from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { BackupOrder } from '../../backup-set/documents/agents.ts';
import { backupOrderWork } from './backup-order.ts';
import { type ServedContent, servedContents } from './contents.ts';
import { type Agent, abortOrder, forgetOrder, startOrder } from './orders.ts';

/** Sets that are of no interest any more: sealed. */
export type ClosedSets = Set<string>;

/** Per order that waits for programs: fires when none comes any more. */
type Waiting = Map<string, AbortController>;

interface OrderKey {
  readonly kind: 'backup-order';
  readonly timestamp: string;
  readonly content: number;
}

/** Asked once in a look, however many orders there are. */
type Ask = () => Promise<readonly ServedContent[]>;

const DAY_MS = 86_400_000;

/**
 * Looks at the sets of today and yesterday that have no seal yet: begins this agent's orders, tells those that collect when
 * nothing is dispatched any more, and breaks off those whose set was sealed without them.
 */
export async function pollSets(agent: Agent, over: ClosedSets, waiting: Waiting): Promise<void> {
  const { store, signal } = agent;
  const seen = await recentSets(agent);
  let served: Promise<readonly ServedContent[]> | undefined;
  const ask = () => (served ??= servedContents(agent.config, agent.env));
  for (const timestamp of seen) {
    if (over.has(timestamp)) continue;
    const sealed =
      (await store.head(formatKey({ kind: 'seal', timestamp }), { signal })) !== undefined;
    const orders = await ordersOf(agent, timestamp);
    for (const key of orders) {
      const text = formatKey(key);
      if (sealed) {
        abortOrder(agent, text, 'the set was sealed without this content');
        forgetOrder(agent, text);
        waiting.delete(text);
      } else {
        await lookAtOrder(agent, key, waiting, ask);
      }
    }
    if (sealed) over.add(timestamp);
    else await tellWaiting(agent, timestamp, orders, waiting);
  }
  for (const timestamp of over) if (!seen.has(timestamp)) over.delete(timestamp);
}

async function recentSets({ clock, store, signal }: Agent): Promise<ReadonlySet<string>> {
  const now = clock().getTime();
  const seen = new Set<string>();
  for (const ms of [now - DAY_MS, now]) {
    for await (const folder of store.listPrefixes(setsOn(new Date(ms)), { signal })) {
      const timestamp = folder.slice(0, -1);
      if (Timestamp.safeParse(timestamp).success) seen.add(timestamp);
    }
  }
  return seen;
}

async function ordersOf({ store, signal }: Agent, timestamp: string): Promise<OrderKey[]> {
  const orders: OrderKey[] = [];
  for await (const object of store.list(agentsPrefix(timestamp, 'orders'), { signal })) {
    const key = parseKey(object.key);
    if (key?.kind !== 'backup-order') continue;
    orders.push({ kind: 'backup-order', timestamp: key.timestamp, content: key.content });
  }
  return orders;
}

async function lookAtOrder(agent: Agent, key: OrderKey, waiting: Waiting, ask: Ask): Promise<void> {
  const text = formatKey(key);
  const known = agent.orders.get(text);
  if (known !== undefined && known.state !== 'unanswered') return;
  const here = await orderHere(agent, key, ask);
  const report = formatKey({ ...key, kind: 'backup-report' });
  if (
    here === undefined ||
    (await agent.store.head(report, { signal: agent.signal })) !== undefined
  ) {
    leave(agent, text);
    return;
  }
  const noMore = waiting.get(text) ?? new AbortController();
  if (here.order.collect) waiting.set(text, noMore);
  const { work, fail } = backupOrderWork(agent, here.order, here.served, noMore.signal);
  startOrder(agent, { key: text, claim: formatKey({ ...key, kind: 'backup-claim' }), work, fail });
}

/** An order that is this agent's; undefined for another's, and for what cannot be read. */
async function orderHere(
  agent: Agent,
  key: OrderKey,
  ask: Ask,
): Promise<{ order: BackupOrder; served: ServedContent } | undefined> {
  const contents = await ask();
  if (!contents.some(({ content }) => content === key.content)) return undefined;
  const text = formatKey(key);
  try {
    const bytes = await agent.store.read(text, {
      bytesMax: DOCUMENT_BYTES_MAX,
      signal: agent.signal,
    });
    const order = decode(BackupOrder, { key: text, bytes });
    if (order.timestamp !== key.timestamp || order.content !== key.content) return undefined;
    const served = contents.find(
      ({ content, host, port }) =>
        content === order.content && host === order.host && port === order.port,
    );
    return served && { order, served };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable', 'storage/too-large')) throw error;
    agent.log.warn({ err: error }, 'this order cannot be read: ignored');
    return undefined;
  }
}

/** None of ours, or answered before we came: not looked at again. */
function leave(agent: Agent, key: string): void {
  agent.orders.set(key, {
    state: 'skipped',
    stop: new AbortController(),
    ended: Promise.resolve(),
    failure: undefined,
  });
}

async function tellWaiting(
  { store, signal }: Agent,
  timestamp: string,
  orders: readonly OrderKey[],
  waiting: Waiting,
): Promise<void> {
  const mine = orders.flatMap((key) => waiting.get(formatKey(key)) ?? []);
  if (mine.every((noMore) => noMore.signal.aborted)) return;
  const dispatched = await store.head(formatKey({ kind: 'dispatched', timestamp }), { signal });
  if (dispatched !== undefined) for (const noMore of mine) noMore.abort();
}
