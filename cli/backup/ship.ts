import { onAbort } from '../../async/abort.ts';
import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import { nameLostSegment } from '../../database/session/failover/name-lost.ts';
import { contentIn } from '../../database/session/failover/named-segment.ts';
import { extentsAtMost } from '../../segment-shipper/backup/carry/offered-base.ts';
import { CONTROL_VERSION, type Job } from '../../segment-shipper/protocol/control.ts';
import {
  lockWaitMs,
  shipperCommand,
  shipperHost,
  storeSettings,
  targetOf,
} from '../config/config.ts';
import { noteSilence } from '../output/silence.ts';
import { hostRates } from '../shippers/host-rates.ts';
import { type ShipperProcess, startShipper } from '../shippers/process.ts';
import { baseOf, offerBase } from './base/send.ts';
import { dispatchRelations } from './dispatch.ts';
import { sealingKeysOf } from './keys/backup-keys.ts';
import type { BackupRun } from './run.ts';
import { addReport } from './tally.ts';

/**
 * A restarted shipper would get the next number, so that its keys differ from its predecessor's.
 */
const FIRST_ATTEMPT = 1;

type Node = HeldSnapshot['nodes'][number];

/** How the shippers ended: no failure, or every failure in the order of time. */
export interface Shipped {
  readonly failures: readonly {
    readonly content: number | undefined;
    readonly error: StowageError;
  }[];
}

/**
 * Runs one shipper per segment until all have ended. The first failure stops the others: a set that
 * lacks a segment is useless, so the databases should not work for it any longer.
 */
export async function ship(run: BackupRun): Promise<Shipped> {
  const { context, held } = run;
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
  let finished = false;
  const fail = (content: number | undefined, error: unknown) => {
    const failure = asStowageError(error);
    failures.push({ content: failedContent(failure, content), error: failure });
    stopped.abort(failure);
    stopping ??= Promise.all(shippers.map((shipper) => shipper.stop()));
  };
  /** A shipper that was stopped because another one failed is not a cause. */
  const failUnlessStopped = (content: number, error: unknown) => {
    if (failures.length === 0) fail(content, error);
  };
  held.lost.catch((error: unknown) => {
    if (!finished) fail(undefined, error);
  });
  // One by one: when the third cannot be started, the first two are in the list that is stopped.
  const startAll = () => {
    try {
      rates.begin(held.nodes);
      for (const node of held.nodes) {
        const shipper = start(run, node, rates.shareOf(node));
        shippers.push(shipper);
        const ended = () => rates.end(node);
        shipper.ended.then(ended, ended);
      }
    } catch (error) {
      fail(undefined, error);
    }
  };
  const dispatchAll = async () => {
    if (held.dispatch === undefined) return;
    try {
      const stop = AbortSignal.any([context.signal, stopped.signal]);
      await dispatchRelations(run, held.dispatch, stop);
      for (const shipper of shippers) shipper.send({ type: 'end' });
    } catch (error) {
      failUnlessStopped(COORDINATOR, error);
    }
  };
  try {
    using _ = onAbort(context.signal, () => fail(undefined, context.signal.reason));
    // The plan is stored: from here on every ending, also an interruption, must reach the seal.
    if (!context.signal.aborted) startAll();
    // The seal needs the coordinator's last count, which may come after the shippers' last reports.
    const dispatching = failures.length === 0 ? dispatchAll() : undefined;
    await Promise.all([
      dispatching,
      offerBase(run, shippers, stopped.signal).catch((error: unknown) => {
        if (failures.length === 0) fail(undefined, error);
      }),
      ...shippers.map(({ content, ended }) =>
        ended.catch(async (error: unknown) => {
          if (failures.length > 0) return;
          const named = asStowageError(await nameLost(run, content, error));
          failUnlessStopped(named.where.content ?? content, named);
        }),
      ),
    ]);
  } finally {
    finished = true;
    await stopping;
  }
  return { failures };
}

/** The coordinator may lose a segment without naming it. */
async function nameLost({ context, held }: BackupRun, content: number, error: unknown) {
  const node = held.nodes.find(({ segment }) => segment.content === content);
  if (node === undefined || content !== COORDINATOR) return error;
  return nameLostSegment(
    error,
    targetOf(context.config, node.segment, context.env),
    context.signal,
  );
}

/** Greenplum's coordinator names the segment that failed. */
export function failedContent(
  failure: StowageError,
  content = failure.where.content,
): number | undefined {
  return content === COORDINATOR ? (contentIn(failure) ?? content) : content;
}

function start(run: BackupRun, node: Node, bytesPerSecond: number | undefined): ShipperProcess {
  const { config, env, log, output } = run.context;
  const { content, host, dataDir } = node.segment;
  const counted = run.tally.contents.get(content);
  const base = baseOf(run.plan, content);
  const job: Job = {
    control: CONTROL_VERSION,
    type: 'backup',
    content,
    target: targetOf(config, node.segment, env),
    store: storeSettings(config),
    workers: config.shippers.workers,
    ...(bytesPerSecond !== undefined && { bytesPerSecond }),
    fifoBase: config.shippers.fifoBase,
    ...(dataDir !== undefined && { dataDir }),
    ...(base && { base: { extentsMax: extentsAtMost(base.bytes) } }),
    ...(run.keys && { sealing: sealingKeysOf(run.keys, run.plan.timestamp, content) }),
    ...segmentJobOf(run, node),
  };
  return startShipper({
    job,
    host,
    command: shipperCommand(config, node.segment),
    log,
    onReport: (report) => {
      if (report.type === 'hello') output.note('shipper', { content, host, pid: report.pid });
      if (report.type === 'silent') noteSilence(output, content, report.message);
      if (counted !== undefined) addReport(counted, report, FIRST_ATTEMPT);
    },
  });
}

/** What one segment ships: the same fields in a shipper's job and in an agent's order. */
export function segmentJobOf(
  { context: { config }, plan, draft }: Pick<BackupRun, 'context' | 'plan' | 'draft'>,
  node: Node,
) {
  const { content } = node.segment;
  return {
    timestamp: plan.timestamp,
    attempt: FIRST_ATTEMPT,
    ...(node.snapshotId !== undefined && { snapshotId: node.snapshotId }),
    encoding: node.encoding,
    frameBytes: plan.frameBytes,
    packBytes: plan.packBytes,
    level: plan.compression.level,
    collect: plan.snapshot.mechanism === 'dispatch' && node.snapshotId === undefined,
    lockWaitMs: lockWaitMs(config),
    metadata: [...(plan.contents.find((planned) => planned.content === content)?.metadata ?? [])],
    relations: (draft.work.get(content) ?? []).map(
      // The condition is SQL: the shipper reads it from the catalogs (docs/security.md).
      ({ relation: { id }, bytesEstimated, ranges }) => {
        const { condition: _, ...relation } = plan.relations[id] ?? unplanned(id);
        return { ...relation, bytesEstimated, ...(ranges && { ranges }) };
      },
    ),
  };
}

function unplanned(id: number): never {
  throw new StowageError('internal', `relation ${id} is not in the plan`);
}
