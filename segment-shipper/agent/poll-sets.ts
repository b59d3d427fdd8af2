import { eachApart } from '../../async/apart.ts';
import { DOCUMENT_BYTES_MAX, decode, RECEIPT_BYTES_MAX } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import {
  agentsPrefix,
  formatKey,
  type Key,
  parseKey,
  setPrefix,
  setsOn,
} from '../../backup-set/base/keys.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { BackupAddress, BackupOrder } from '../../backup-set/documents/agents.ts';
import { backupOrderWork, type OwnOrder } from './backup-order.ts';
import { type ServedContent, servedContents } from './contents.ts';
import { CANNOT_BE_READ, refusalOf, refusalOfStored, requireSmall } from './keys/signatures.ts';
import { type Agent, abortOrder, forgetOrder, forgetOrdersOf, startOrder } from './orders.ts';
import { recentDays } from './recent-days.ts';

/** Timestamps of sealed sets: they are not polled again. */
export type ClosedSets = Set<string>;

/** Orders that collect rows from programs, by key: the controller ends the wait for programs. */
export type CollectingOrders = Map<string, AbortController>;

interface OrderKey {
  readonly kind: 'backup-order';
  readonly timestamp: string;
  readonly content: number;
}

/** Asks the coordinator at most once per poll, for all orders. */
type GetServed = () => Promise<readonly ServedContent[]>;

/**
 * Polls the sets of today and yesterday that have no seal yet. Starts this agent's orders, ends the
 * wait for programs once the coordinator has dispatched all, and aborts orders whose set was sealed
 * without them.
 */
export async function pollSets(
  agent: Agent,
  closed: ClosedSets,
  collecting: CollectingOrders,
): Promise<void> {
  const { store, signal } = agent;
  const days = recentDays(await store.now({ signal }), setsOn);
  const recent = await recentSets(agent, days);
  let served: Promise<readonly ServedContent[]> | undefined;
  const getServed = () => (served ??= servedContents(agent.config, agent.env));
  const polled = eachApart(recent, async (timestamp) => {
    if (closed.has(timestamp)) return;
    const sealed =
      (await store.head(formatKey({ kind: 'seal', timestamp }), { signal })) !== undefined;
    const orders = await ordersOf(agent, timestamp);
    await eachApart(orders, async (key) => {
      if (!sealed) return startIfOwn(agent, key, collecting, getServed);
      const text = formatKey(key);
      abortOrder(agent, text, 'the set was sealed without this content');
      forgetOrder(agent, text);
      collecting.delete(text);
    });
    if (sealed) closed.add(timestamp);
    else await endCollecting(agent, timestamp, orders, collecting);
  });
  await polled.finally(() => forgetOver(agent, closed, collecting, days));
}

/** Not when its folder is gone: an old order that is put back there must not run a second time. */
function forgetOver(
  agent: Agent,
  closed: ClosedSets,
  collecting: CollectingOrders,
  days: readonly string[],
): void {
  const isOld = (timestamp: string) => !days.some((day) => setPrefix(timestamp).startsWith(day));
  for (const timestamp of closed) if (isOld(timestamp)) closed.delete(timestamp);
  const isOver = (key: Key) =>
    key.kind === 'backup-order' && (closed.has(key.timestamp) || isOld(key.timestamp));
  forgetOrdersOf(agent, isOver);
  for (const text of collecting.keys()) if (!agent.orders.has(text)) collecting.delete(text);
}

async function recentSets(
  { store, signal }: Agent,
  days: readonly string[],
): Promise<ReadonlySet<string>> {
  const recent = new Set<string>();
  for (const day of days) {
    for await (const folder of store.listPrefixes(day, { signal })) {
      const timestamp = folder.slice(0, -1);
      if (Timestamp.safeParse(timestamp).success) recent.add(timestamp);
    }
  }
  return recent;
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

async function startIfOwn(
  agent: Agent,
  key: OrderKey,
  collecting: CollectingOrders,
  getServed: GetServed,
): Promise<void> {
  const text = formatKey(key);
  const known = agent.orders.get(text);
  if (known !== undefined && known.state !== 'unanswered') return;
  const own = await ownOrder(agent, key, getServed);
  const report = formatKey({ ...key, kind: 'backup-report' });
  if (
    own === undefined ||
    (await agent.store.head(report, { signal: agent.signal })) !== undefined
  ) {
    skip(agent, text);
    return;
  }
  const noMorePrograms = collecting.get(text) ?? new AbortController();
  if (own.refusal === undefined && own.order.collect) collecting.set(text, noMorePrograms);
  const { work, fail } = backupOrderWork(agent, own, noMorePrograms.signal);
  startOrder(agent, { key: text, claim: formatKey({ ...key, kind: 'backup-claim' }), work, fail });
}

/** Undefined for an order of another agent, and for one that cannot be read. */
async function ownOrder(
  agent: Agent,
  key: OrderKey,
  getServed: GetServed,
): Promise<OwnOrder | undefined> {
  const contents = await getServed();
  if (!contents.some(({ content }) => content === key.content)) return undefined;
  const text = formatKey(key);
  try {
    const { signal } = agent;
    const bytes = await agent.store.read(text, { bytesMax: DOCUMENT_BYTES_MAX, signal });
    const refusal = refusalOf(agent, text, bytes);
    if (refusal !== undefined) requireSmall(text, bytes, RECEIPT_BYTES_MAX);
    const raw = { key: text, bytes };
    const read =
      refusal === undefined
        ? { order: decode(BackupOrder, raw) }
        : { order: decode(BackupAddress, raw), refusal };
    const { content, host, port } = read.order;
    const served = contents.find(
      (one) => one.content === content && one.host === host && one.port === port,
    );
    return served && { ...read, served };
  } catch (error) {
    if (!isStowageError(error, ...CANNOT_BE_READ)) throw error;
    agent.log.warn({ err: error }, 'skipped a backup order that cannot be read');
    return undefined;
  }
}

/** The order is another agent's, or has a report already: it is not read again. */
function skip(agent: Agent, key: string): void {
  agent.orders.set(key, {
    state: 'skipped',
    stop: new AbortController(),
    ended: Promise.resolve(),
    failure: undefined,
  });
}

async function endCollecting(
  agent: Agent,
  timestamp: string,
  orders: readonly OrderKey[],
  collecting: CollectingOrders,
): Promise<void> {
  const own = orders
    .map(formatKey)
    .filter((text) => collecting.get(text)?.signal.aborted === false);
  if (own.length === 0) return;
  const { store, signal } = agent;
  const key = formatKey({ kind: 'dispatched', timestamp });
  if ((await store.head(key, { signal })) === undefined) return;
  const refusal = await refusalOfStored(agent, key);
  for (const text of own)
    if (refusal === undefined) collecting.get(text)?.abort();
    else abortOrder(agent, text, refusal);
}
