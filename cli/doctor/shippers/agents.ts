import { mapInFlight } from '../../../async/each-in-flight.ts';
import { DOCUMENT_BYTES_MAX, decode } from '../../../backup-set/base/document.ts';
import { isStowageError, messageOf } from '../../../backup-set/base/errors.ts';
import { agentsPrefix, parseKey } from '../../../backup-set/base/keys.ts';
import { Claim } from '../../../backup-set/documents/agents.ts';
import type { Segment, Server } from '../../../database/flavour.ts';
import { hasRecipient } from '../../../encryption/agent-keys.ts';
import type { EncryptionSettings } from '../../../encryption/settings.ts';
import { newestSets } from '../../../functions/stored/newest.ts';
import { WITHHELD } from '../../../storage/errors.ts';
import type { ObjectStore, StoredObject } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { withStore } from '../../open.ts';
import { duration } from '../../output/format.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import type { Check } from '../check.ts';
import { namesOf } from '../contents.ts';
import { checkSignatures } from './signatures.ts';

/** Sets with orders for agents that are looked at, and folders that are searched for them. */
const SETS_WITH_ORDERS = 5;
const SETS_MAX = 20;
const READ_AT_ONCE = 16;

/** The last order of a content, and its claim if an agent took it. */
export interface LastOrder {
  readonly content: number;
  readonly timestamp: string;
  readonly claim?: { readonly agent: string; readonly agoMs: number } | undefined;
  /** The claim before, when the last order has none. */
  readonly before?: { readonly agent: string; readonly agoMs: number } | undefined;
}

/** Which agents answered the newest backups of this root, and which contents had no answer. */
export async function checkAgents(
  context: ClusterContext,
  servers: readonly Server[],
): Promise<Check[]> {
  const segments = servers.map(({ segment }) => segment);
  const contents = segments.map(({ content }) => content);
  const { encryption } = context.config;
  const recipients = encryption === undefined ? [] : judgeRecipients(encryption, segments);
  try {
    return await withStore(context, async (store) => [
      ...recipients,
      ...judgeAgents(contents, await lastOrders(context, store)),
      ...(await checkSignatures(context, store, segments)),
    ]);
  } catch (error) {
    context.signal.throwIfAborted();
    const detail = `not checked: ${messageOf(error)}`;
    return [...recipients, { ...CHECK, ok: true, remark: true, detail }];
  }
}

/** Whether the keys of encrypted sets can be wrapped for every agent. Pure. */
export function judgeRecipients(
  encryption: Pick<EncryptionSettings, 'agents'>,
  segments: readonly Pick<Segment, 'content' | 'host'>[],
): Check[] {
  const lacking = segments.filter((segment) => !hasRecipient(encryption, segment));
  const named = lacking.map(({ content }) => content);
  if (lacking.length === 0)
    return [{ ...CHECK, ok: true, detail: 'encryption.agents has a recipient for every content' }];
  return [
    {
      ...CHECK,
      ok: false,
      detail: `encryption.agents has no recipient for ${namesOf(named)}: backups, and restores of encrypted sets, are refused. Add the recipient (age1…) of the agent, by content or host`,
    },
  ];
}

const CHECK = { of: 'cluster', name: 'agents' };

/** Pure. */
export function judgeAgents(contents: readonly number[], orders: readonly LastOrder[]): Check[] {
  const note = (detail: string): Check => ({ ...CHECK, ok: true, remark: true, detail });
  if (orders.length === 0)
    return [
      note(
        'there is no backup by agents under the root yet: the first one shows which agents answer',
      ),
    ];
  const own = orders.filter(({ content }) => contents.includes(content));
  const known = new Set(own.map(({ content }) => content));
  const unknown = contents.filter((content) => !known.has(content));
  return [
    ...grouped(own, ({ claim, timestamp }) => claim && `${claim.agent} ${timestamp}`).map(
      ({ names, first: { claim, timestamp } }) => ({
        ...CHECK,
        ok: true,
        detail: `${names}: agent ${claim?.agent} answered ${duration(claim?.agoMs ?? 0)} ago (set ${timestamp})`,
      }),
    ),
    ...grouped(own, (order) => (order.claim ? undefined : unanswered(order))).map(
      ({ names, kind }) => ({ ...CHECK, ok: false, detail: `${names}: ${kind}. ${START}` }),
    ),
    ...(unknown.length === 0
      ? []
      : [note(`${namesOf(unknown)}: the newest sets have no order for an agent`)]),
  ];
}

function unanswered({ timestamp, before }: LastOrder): string {
  const earlier =
    before === undefined
      ? 'no agent answered in the sets before'
      : `agent ${before.agent} answered last, ${duration(before.agoMs)} ago`;
  return `no agent took the order of set ${timestamp}; ${earlier}`;
}

const START =
  'Check on its host that `stowage-segment-shipper agent` runs, that its configuration names this root and the content, and its log';

/** The orders of one kind together; those without a kind are left out. */
function grouped(orders: readonly LastOrder[], kindOf: (order: LastOrder) => string | undefined) {
  const kinds = Map.groupBy(orders, kindOf);
  return [...kinds].flatMap(([kind, alike]) => {
    const [first] = alike;
    if (kind === undefined || first === undefined) return [];
    return [{ kind, first, names: namesOf(alike.map(({ content }) => content)) }];
  });
}

/** By the store's clock: that of an agent's host may be wrong. */
async function lastOrders(context: ClusterContext, store: ObjectStore): Promise<LastOrder[]> {
  const { signal } = context;
  const now = (await store.now({ signal })).getTime();
  const found = new Map<number, LastOrder>();
  let [looked, withOrders] = [0, 0];
  for await (const timestamp of newestSets(functionDeps(context, store))) {
    if (looked++ === SETS_MAX || withOrders === SETS_WITH_ORDERS) break;
    const ordered = [...(await contentsUnder(store, timestamp, 'orders', signal)).keys()];
    if (ordered.length === 0) continue;
    withOrders += 1;
    const claims = await contentsUnder(store, timestamp, 'claims', signal);
    await mapInFlight(ordered, READ_AT_ONCE, async (content) => {
      const known = found.get(content);
      if (known?.claim !== undefined || known?.before !== undefined) return;
      const object = claims.get(content);
      const claim = object && {
        agent: await agentOf(store, object.key, signal),
        agoMs: Math.max(0, now - object.modifiedAt.getTime()),
      };
      found.set(
        content,
        known === undefined ? { content, timestamp, claim } : { ...known, before: claim },
      );
    });
  }
  return [...found.values()];
}

async function contentsUnder(
  store: ObjectStore,
  timestamp: string,
  folder: Parameters<typeof agentsPrefix>[1],
  signal: AbortSignal,
): Promise<Map<number, StoredObject>> {
  const contents = new Map<number, StoredObject>();
  for await (const object of store.list(agentsPrefix(timestamp, folder), { signal })) {
    const key = parseKey(object.key);
    if (key !== undefined && 'content' in key) contents.set(key.content, object);
  }
  return contents;
}

async function agentOf(store: ObjectStore, key: string, signal: AbortSignal): Promise<string> {
  try {
    const bytes = await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal });
    return decode(Claim, { key, bytes }).agent;
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable', 'storage/too-large', ...WITHHELD)) throw error;
    return '(unreadable claim)';
  }
}
