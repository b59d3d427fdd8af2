import { onAbort } from '../../async/abort.ts';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { poll } from '../../async/poll.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { agentsPrefix, formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { plural } from '../../backup-set/base/words.ts';
import { BackupOrder, Dispatched } from '../../backup-set/documents/agents.ts';
import type { Plan } from '../../backup-set/documents/plan.ts';
import type { HeldSnapshot, Segment } from '../../database/flavour.ts';
import { agentRecipient, wrapSealing } from '../../encryption/agent-keys.ts';
import { signedDocument } from '../../encryption/signatures/signed-document.ts';
import { isOverdue, lastArrival } from '../../functions/stored/overdue.ts';
import { noteWaiting } from '../output/waiting.ts';
import { listedContents } from '../shippers/listed-contents.ts';
import { functionDeps } from '../wait-for-functions.ts';
import { keepBase, noteUnused, PARTS_AT_ONCE } from './base/send.ts';
import { dispatchRelations } from './dispatch.ts';
import { type BackupKeys, sealingKeysOf } from './keys/backup-keys.ts';
import { addAgentReport, confirmCounts } from './reports.ts';
import type { BackupRun } from './run.ts';
import { failedContent, type Shipped, segmentJobOf } from './ship.ts';

const POLL_MS = 500;
/** What the progress shows of a content: its agent reports rows only at its end. */
const AGENT_WORKS = 'its agent is working';
const WRITES_AT_ONCE = 16;
const REPORTS_AT_ONCE = 16;
/** How often the whole set is listed within the time that the plan allows without a new object. */
const LISTINGS_PER_LIMIT = 20;

interface AgentRun extends BackupRun {
  /** Fires at the first failure; the seal then tells the agents to stop. */
  readonly signal: AbortSignal;
}

/**
 * Ships by the resident agents of the segments: stores an order for each in the bucket and waits
 * for their reports. The first failure, or an interruption, ends the waiting; the seal that follows
 * stops the agents that are still working.
 */
export async function shipByAgents(backup: BackupRun): Promise<Shipped> {
  const { context, held } = backup;
  const failures: { content: number | undefined; error: StowageError }[] = [];
  const stop = new AbortController();
  const fail = (error: unknown) => {
    // A step that fails because it was stopped is not a cause.
    if (stop.signal.aborted) return;
    const failure = asStowageError(error);
    failures.push({ content: failedContent(failure), error: failure });
    stop.abort(failure);
  };
  const run: AgentRun = { ...backup, signal: stop.signal };
  try {
    using _ = onAbort(context.signal, () => fail(context.signal.reason));
    held.lost.catch(fail);
    await storeOrders(run).catch(fail);
    await waitForClaims(run).catch(fail);
    await Promise.all([waitForReports(run).catch(fail), dispatch(run).catch(fail)]);
  } finally {
    // From here on a lost snapshot is not a failure.
    stop.abort();
  }
  return { failures };
}

async function storeOrders(run: AgentRun): Promise<void> {
  const { store, plan, held, signal, keys } = run;
  signal.throwIfAborted();
  const { timestamp, database, overdueAfterSeconds } = plan;
  const bases = await keepBases(run);
  const identifiers = new Map(plan.contents.map((part) => [part.content, part.systemIdentifier]));
  const storeOne = async (node: HeldSnapshot['nodes'][number]) => {
    const { content, host, port } = node.segment;
    const systemIdentifier = identifiers.get(content);
    const order: BackupOrder = {
      format: keys ? 'stowage/sealed-backup-order' : 'stowage/backup-order',
      version: FORMAT_VERSION,
      content,
      host,
      port,
      ...(systemIdentifier !== undefined && { systemIdentifier }),
      database,
      overdueAfterSeconds,
      ...segmentJobOf(run, node),
      ...bases.get(content),
      ...(keys && { sealing: await wrappedFor(run, keys, node.segment) }),
    };
    const key = formatKey({ kind: 'backup-order', timestamp, content });
    await store.create(key, signed(run, key, encode(BackupOrder, order)), { signal });
  };
  await eachInFlight(held.nodes, WRITES_AT_ONCE, storeOne);
}

/** What agents act on, with a signature where the configuration names a key. */
function signed({ context, store }: AgentRun, key: string, document: Uint8Array): Uint8Array {
  const { signingKey } = context;
  if (signingKey === undefined) return document;
  return signedDocument(signingKey, { root: store.url, key }, document);
}

/** The keys of a content, which only its agent opens. */
function wrappedFor(
  { context: { config }, plan: { timestamp, root } }: AgentRun,
  keys: BackupKeys,
  segment: Segment,
): Promise<string> {
  const { content } = segment;
  const recipient = agentRecipient(config.encryption ?? {}, segment);
  const sealing = sealingKeysOf(keys, timestamp, content);
  return wrapSealing(recipient, { timestamp, root, content, ...sealing });
}

/** Copies the parts of the base into the set, where the agents read them. */
async function keepBases(run: AgentRun): Promise<ReadonlyMap<number, Pick<BackupOrder, 'base'>>> {
  const { packUseMin } = run.context.config.backup;
  const bases = new Map<number, Pick<BackupOrder, 'base'>>();
  await eachInFlight(run.plan.contents, PARTS_AT_ONCE, async (planned) => {
    const { content, base } = planned;
    if (base === undefined || (await keepBase(run, planned, run.signal)) === undefined) return;
    bases.set(content, { base: { ...base, packUseMin } });
  });
  return bases;
}

/**
 * Programs wait a minute for their shipper, so nothing is dispatched before every agent has begun.
 */
async function waitForClaims({ context, store, plan, tally, signal }: AgentRun): Promise<void> {
  const { config, clock, output } = context;
  const { claimSeconds } = config.shippers;
  const claimed = new Set<number>();
  const firstMissing = () => plan.contents.find(({ content }) => !claimed.has(content));
  const look = async () => {
    for (const content of await listedContents(store, agentsPrefix(plan.timestamp, 'claims'))) {
      if (!claimed.has(content))
        output.note('claimed', { content }, `content ${content}: its agent has started`);
      claimed.add(content);
      const counted = tally.contents.get(content);
      if (counted !== undefined) counted.current ??= AGENT_WORKS;
    }
    return firstMissing() === undefined || undefined;
  };
  const timeoutMs = claimSeconds * 1000;
  const { contents } = plan;
  using _ = noteWaiting(context, {
    what: () =>
      `${plural(contents.length - claimed.size, 'agent')} to take the orders of set ${plan.timestamp}`,
    needs: `\`stowage-segment-shipper agent\` must run for ${store.url} on every segment host`,
    atMostMs: timeoutMs,
  });
  await poll(look, { everyMs: POLL_MS, timeoutMs, signal, now: () => clock().getTime() });
  const missing = firstMissing();
  if (missing !== undefined) throw orderNotClaimed(missing, claimSeconds);
}

async function waitForReports(run: AgentRun): Promise<void> {
  const { context, store, plan, tally, signal } = run;
  const hasStalled = overdueWatch(run);
  const reported = new Set<number>();
  const look = async () => {
    const listed = await listedContents(store, agentsPrefix(plan.timestamp, 'reports'));
    const fresh = [...listed].flatMap((content) => {
      const counted = tally.contents.get(content);
      return reported.has(content) || counted === undefined ? [] : [counted];
    });
    await eachInFlight(fresh, REPORTS_AT_ONCE, async (counted) => {
      const { content } = counted;
      reported.add(content);
      counted.current = undefined;
      const { baseUnused } = await addAgentReport(store, plan.timestamp, counted);
      if (baseUnused !== undefined) noteUnused(run, content, baseUnused);
      await confirmCounts(run, counted, signal);
      context.output.note(
        'reported',
        { content },
        `content ${content}: its agent has uploaded everything`,
      );
    });
    if (reported.size === plan.contents.length) return true;
    if (await hasStalled()) throw stalledError(plan, reported);
    return undefined;
  };
  await poll(look, { everyMs: POLL_MS, signal });
}

async function dispatch(run: AgentRun): Promise<void> {
  const { context, store, plan, held, signal } = run;
  if (held.dispatch === undefined || signal.aborted) return;
  await dispatchRelations(run, held.dispatch, signal);
  const { timestamp } = plan;
  const bytes = encode(Dispatched, {
    format: 'stowage/dispatched',
    version: FORMAT_VERSION,
    timestamp,
    dispatchedAt: context.clock().toISOString(),
  });
  const key = formatKey({ kind: 'dispatched', timestamp });
  await store.create(key, signed(run, key, bytes), { signal });
}

/**
 * True once no object of the set was stored for as long as its plan allows. Rare: it lists the set.
 */
function overdueWatch({ context, store, plan }: AgentRun): () => Promise<boolean> {
  const { timestamp, overdueAfterSeconds } = plan;
  const pauseMs = Math.max(POLL_MS, (overdueAfterSeconds * 1000) / LISTINGS_PER_LIMIT);
  let next = context.clock().getTime() + pauseMs;
  return async () => {
    if (context.clock().getTime() < next) return false;
    next = context.clock().getTime() + pauseMs;
    const deps = functionDeps(context, store);
    return isOverdue(deps, await lastArrival(deps, setPrefix(timestamp)), overdueAfterSeconds);
  };
}

function stalledError(plan: Plan, reported: ReadonlySet<number>): StowageError {
  const awaited = plan.contents
    .map(({ content }) => content)
    .filter((content) => !reported.has(content));
  return new StowageError(
    'shipper/died',
    `the backup stalled: no object was stored for ${plan.overdueAfterSeconds} s (backup.overdueAfterSeconds), and these contents have no report of their agent: ${awaited.join(', ')}`,
  );
}

function orderNotClaimed(
  { content, host, port }: Plan['contents'][number],
  seconds: number,
): StowageError {
  return new StowageError(
    'shipper/died',
    `no agent took the order of content ${content} within ${seconds} s (shippers.claimSeconds); check that an agent runs for this root and has ${host}:${port} in its configuration`,
    { where: { content } },
  );
}
