import { eachInFlight } from '../../async/each-in-flight.ts';
import { pause } from '../../async/poll.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { agentsPrefix, formatKey, parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import { BackupOrder, Dispatched } from '../../backup-set/documents/agents.ts';
import type { Plan } from '../../backup-set/documents/plan.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import { isOverdue, lastArrival } from '../../functions/sweep/silence.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { dispatchRelations } from './dispatch.ts';
import type { Draft } from './plan.ts';
import { addAgentReport } from './reports.ts';
import { type Shipped, segmentJobOf } from './ship.ts';
import type { Tally } from './tally.ts';

const POLL_MS = 500;
const WRITES_AT_ONCE = 16;
/** How many looks at the whole set fit into the silence that is allowed. */
const LOOKS_IN_SILENCE = 20;

interface Run {
  readonly context: ClusterContext;
  readonly store: ObjectStore;
  readonly plan: Plan;
  readonly tally: Tally;
  /** Fires at the first failure; the seal tells the agents. */
  readonly signal: AbortSignal;
}

/**
 * Has the segments' resident agents ship, by orders in the bucket, and waits for their reports. The first failure, or an
 * interruption, ends the waiting: the seal that follows stops the agents that are still at work.
 */
export async function shipByAgents(
  context: ClusterContext,
  store: ObjectStore,
  plan: Plan,
  draft: Draft,
  held: HeldSnapshot,
  tally: Tally,
): Promise<Shipped> {
  const failures: { content: number | undefined; error: StowageError }[] = [];
  const stop = new AbortController();
  const fail = (error: unknown) => {
    // What fails because it was stopped is no cause.
    if (stop.signal.aborted) return;
    const failure = asStowageError(error);
    failures.push({ content: failure.where.content, error: failure });
    stop.abort(failure);
  };
  const interrupted = () => fail(context.signal.reason);
  context.signal.addEventListener('abort', interrupted, { once: true });
  if (context.signal.aborted) interrupted();
  held.lost.catch(fail);
  const run: Run = { context, store, plan, tally, signal: stop.signal };
  try {
    await storeOrders(run, draft, held).catch(fail);
    await waitForClaims(run).catch(fail);
    await Promise.all([waitForReports(run).catch(fail), dispatch(run, draft, held).catch(fail)]);
  } finally {
    context.signal.removeEventListener('abort', interrupted);
    // From here on a lost snapshot means nothing.
    stop.abort();
  }
  return { failures };
}

async function storeOrders(
  { store, plan, signal }: Run,
  draft: Draft,
  held: HeldSnapshot,
): Promise<void> {
  signal.throwIfAborted();
  const { timestamp, database, overdueAfterSeconds } = plan;
  const storeOne = async (node: HeldSnapshot['nodes'][number]) => {
    const { content, host, port } = node.segment;
    const order: BackupOrder = {
      format: 'stowage/backup-order',
      version: FORMAT_VERSION,
      content,
      host,
      port,
      database,
      overdueAfterSeconds,
      ...segmentJobOf(plan, draft, node),
    };
    const key = formatKey({ kind: 'backup-order', timestamp, content });
    await store.create(key, encode(BackupOrder, order), { signal });
  };
  await eachInFlight(held.nodes, WRITES_AT_ONCE, storeOne);
}

/** Programs wait for their shipper for a minute only: nothing is dispatched before every agent has begun. */
async function waitForClaims({ context, store, plan, signal }: Run): Promise<void> {
  const { config, clock, output } = context;
  const { claimSeconds } = config.shippers;
  const until = clock().getTime() + claimSeconds * 1000;
  const claimed = new Set<number>();
  for (;;) {
    signal.throwIfAborted();
    for (const content of await contentsOf(store, plan, 'claims')) {
      if (!claimed.has(content))
        output.note('claimed', { content }, `content ${content}: an agent begins`);
      claimed.add(content);
    }
    const missing = plan.contents.find(({ content }) => !claimed.has(content));
    if (missing === undefined) return;
    if (clock().getTime() >= until) throw orderNotClaimed(missing, claimSeconds);
    await nextLook(signal);
  }
}

async function waitForReports({ context, store, plan, tally, signal }: Run): Promise<void> {
  const silence = overdueWatch(context, store, plan);
  const taken = new Set<number>();
  while (taken.size < plan.contents.length) {
    signal.throwIfAborted();
    for (const content of await contentsOf(store, plan, 'reports')) {
      const counted = tally.contents.get(content);
      if (taken.has(content) || counted === undefined) continue;
      taken.add(content);
      await addAgentReport(store, plan.timestamp, counted);
      context.output.note(
        'reported',
        { content },
        `content ${content}: its agent has shipped everything`,
      );
    }
    if (taken.size === plan.contents.length) return;
    if (await silence()) {
      const awaited = plan.contents
        .map(({ content }) => content)
        .filter((content) => !taken.has(content));
      throw new StowageError(
        'shipper/died',
        `nothing has arrived for ${plan.overdueAfterSeconds} s, and the agents of content ${awaited.join(', ')} have not reported`,
      );
    }
    await nextLook(signal);
  }
}

async function dispatch(run: Run, draft: Draft, held: HeldSnapshot): Promise<void> {
  const { context, store, plan, tally, signal } = run;
  if (held.dispatch === undefined || signal.aborted) return;
  await dispatchRelations(context, plan, draft, held.dispatch, tally, signal);
  const { timestamp } = plan;
  const bytes = encode(Dispatched, {
    format: 'stowage/dispatched',
    version: FORMAT_VERSION,
    timestamp,
    dispatchedAt: context.clock().toISOString(),
  });
  await store.create(formatKey({ kind: 'dispatched', timestamp }), bytes, { signal });
}

/** True once nothing has arrived in the set for as long as its plan allows. Looks at all of it, hence seldom. */
function overdueWatch(
  context: ClusterContext,
  store: ObjectStore,
  plan: Plan,
): () => Promise<boolean> {
  const { timestamp, overdueAfterSeconds } = plan;
  const pauseMs = Math.max(POLL_MS, (overdueAfterSeconds * 1000) / LOOKS_IN_SILENCE);
  let next = context.clock().getTime() + pauseMs;
  return async () => {
    if (context.clock().getTime() < next) return false;
    next = context.clock().getTime() + pauseMs;
    const deps = functionDeps(context, store);
    return isOverdue(deps, await lastArrival(deps, setPrefix(timestamp)), overdueAfterSeconds);
  };
}

async function contentsOf(
  store: ObjectStore,
  plan: Plan,
  what: 'claims' | 'reports',
): Promise<number[]> {
  const contents: number[] = [];
  for await (const object of store.list(agentsPrefix(plan.timestamp, what))) {
    const key = parseKey(object.key);
    if (key !== undefined && 'content' in key) contents.push(key.content);
  }
  return contents;
}

function orderNotClaimed(
  { content, host, port }: Plan['contents'][number],
  seconds: number,
): StowageError {
  return new StowageError(
    'shipper/died',
    `no agent took the order of content ${content} within ${seconds} s; does one serve it as ${host}:${port} for this root?`,
    { where: { content } },
  );
}

const nextLook = (signal: AbortSignal) => pause(POLL_MS, signal);
