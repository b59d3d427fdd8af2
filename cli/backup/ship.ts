import { asStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import type { Plan } from '../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import { CONTROL_VERSION, type Job } from '../../segment-shipper/protocol/control.ts';
import { shipperCommand, shipperHost, storeSettings, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { hostRates } from '../shippers/host-rates.ts';
import { type ShipperProcess, startShipper } from '../shippers/process.ts';
import { dispatchRelations } from './dispatch.ts';
import type { Draft } from './plan.ts';
import { addReport, type Tally } from './tally.ts';

/** A restarted shipper would get the next number, so that its keys collide with nothing its predecessor left. */
const FIRST_ATTEMPT = 1;

type Node = HeldSnapshot['nodes'][number];

/** How the shippers ended: nothing, or every failure, the first one first. */
export interface Shipped {
  readonly failures: readonly {
    readonly content: number | undefined;
    readonly error: StowageError;
  }[];
}

/**
 * Runs one shipper per segment until all have ended. The first failure stops the others: a set without one segment is no set, and the
 * databases should not work for it any longer.
 */
export async function ship(
  context: ClusterContext,
  plan: Plan,
  draft: Draft,
  held: HeldSnapshot,
  tally: Tally,
): Promise<Shipped> {
  const failures: { content: number | undefined; error: StowageError }[] = [];
  const stopped = new AbortController();
  const shippers: ShipperProcess[] = [];
  const rates = hostRates<Node>(
    context.config.shippers.maxRateBytes,
    ({ segment }) => shipperHost(context.config, segment),
    ({ segment }, bytesPerSecond) =>
      shippers
        .find(({ content }) => content === segment.content)
        ?.send({ type: 'rate', bytesPerSecond }),
  );
  let stopping: Promise<unknown> | undefined;
  const fail = (content: number | undefined, error: unknown) => {
    const failure = asStowageError(error);
    failures.push({ content: content ?? failure.where.content, error: failure });
    stopped.abort(failure);
    stopping ??= Promise.all(shippers.map((shipper) => shipper.stop()));
  };
  const interrupted = () => fail(undefined, context.signal.reason);
  context.signal.addEventListener('abort', interrupted, { once: true });
  held.lost.catch((error: unknown) => {
    if (!finished) fail(undefined, error);
  });
  let finished = false;
  // One by one: when the third cannot be started, the first two are there to be stopped.
  const startAll = () => {
    try {
      rates.begin(held.nodes);
      for (const node of held.nodes) {
        const shipper = start(context, plan, draft, node, tally, rates.shareOf(node));
        shippers.push(shipper);
        const ended = () => rates.end(node);
        shipper.ended.then(ended, ended);
      }
    } catch (error) {
      fail(undefined, error);
    }
  };
  const dispatched = async () => {
    if (held.dispatch === undefined) return;
    const stop = AbortSignal.any([context.signal, stopped.signal]);
    try {
      await dispatchRelations(context, plan, draft, held.dispatch, tally, stop);
      for (const shipper of shippers) shipper.send({ type: 'end' });
    } catch (error) {
      unlessStopped(failures, COORDINATOR, error, fail);
    }
  };
  try {
    // The plan is stored: from here on every ending, also this one, must reach the seal.
    if (context.signal.aborted) interrupted();
    else startAll();
    // The seal needs the coordinator's last count, which may come after the shippers' last words.
    const dispatching = failures.length === 0 ? dispatched() : undefined;
    await Promise.all([
      dispatching,
      ...shippers.map(({ content, ended }) =>
        ended.catch((error: unknown) => unlessStopped(failures, content, error, fail)),
      ),
    ]);
  } finally {
    finished = true;
    context.signal.removeEventListener('abort', interrupted);
    await stopping;
  }
  return { failures };
}

/** A shipper that was stopped because another one failed is not a cause. */
function unlessStopped(
  failures: readonly unknown[],
  content: number,
  error: unknown,
  fail: (content: number, error: unknown) => void,
): void {
  if (failures.length === 0) fail(content, error);
}

function start(
  context: ClusterContext,
  plan: Plan,
  draft: Draft,
  node: Node,
  tally: Tally,
  bytesPerSecond: number | undefined,
): ShipperProcess {
  const { config, env, log } = context;
  const { content, host } = node.segment;
  const counted = tally.contents.get(content);
  const job: Job = {
    control: CONTROL_VERSION,
    type: 'backup',
    content,
    target: targetOf(config, node.segment, env),
    store: storeSettings(config),
    workers: config.shippers.workers,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    fifoBase: config.shippers.fifoBase,
    ...(node.segment.dataDir !== undefined && { dataDir: node.segment.dataDir }),
    ...segmentJobOf(plan, draft, node),
  };
  return startShipper({
    job,
    host,
    command: shipperCommand(config, node.segment),
    log,
    onReport: (report) => {
      if (report.type === 'hello')
        context.output.note('shipper', { content, host, pid: report.pid });
      if (counted !== undefined) addReport(counted, report, FIRST_ATTEMPT);
    },
  });
}

/** What one segment ships, whoever is told of it. */
export function segmentJobOf(plan: Plan, draft: Draft, node: Node) {
  const { content } = node.segment;
  return {
    timestamp: plan.timestamp,
    attempt: FIRST_ATTEMPT,
    ...(node.snapshotId !== undefined && { snapshotId: node.snapshotId }),
    encoding: node.encoding,
    frameBytes: plan.frameBytes,
    packBytes: plan.packBytes,
    level: plan.compression.level,
    collect: plan.snapshot.mechanism === 'dispatch',
    metadata: [...(plan.contents.find((planned) => planned.content === content)?.metadata ?? [])],
    relations: (draft.work.get(content) ?? []).map(({ relation, bytesEstimated }) => ({
      ...relation,
      bytesEstimated,
    })),
  };
}
