import { onAbort } from '../../async/abort.ts';
import { encode } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Phase } from '../../backup-set/base/keys.ts';
import { causedBy, type Problem } from '../../backup-set/base/verdict.ts';
import {
  failedReceipt,
  type RestorePlan,
  RestoreReceipt,
} from '../../backup-set/documents/restore/restore.ts';
import { contentsIn, contentsRead } from '../../backup-set/restore/phases.ts';
import { CONTROL_VERSION, type Job, type Report } from '../../segment-shipper/protocol/control.ts';
import { shipperCommand, shipperHost, storeSettings, targetOf } from '../config/config.ts';
import { expectedOrders } from '../keys/planned/expected-orders.ts';
import { noteUnprovenOrders } from '../keys/planned/unproven-orders.ts';
import { type SegmentProgress, showProgress } from '../output/progress.ts';
import { noteSilence } from '../output/silence.ts';
import { hostRates } from '../shippers/host-rates.ts';
import { runShipperHere } from '../shippers/in-process.ts';
import { loadedShare, shareOf } from '../shippers/loaded-share.ts';
import { type ShipperProcess, startShipper } from '../shippers/process.ts';
import { notePhase, PHASE_WORK } from './command/phase-text.ts';
import type { RestoreRun } from './run.ts';

/** The shippers of one restore. */
export interface RestoreShippers {
  /**
   * Every segment carries out its order of this phase.
   * @returns the keys of the receipts, one per content, also after failures.
   */
  carryOut(phase: Phase): Promise<string[]>;
  /** Ends the shippers after the last phase, and waits for them. */
  finish(): Promise<void>;
  /** Stops the shippers that still run. Never throws. */
  abort(): Promise<void>;
}

interface Member {
  readonly content: number;
  readonly host: string;
  readonly shipper: ShipperProcess;
  readonly planned: RestorePlan['contents'][number];
  progress: Extract<Report, { type: 'progress' }> | undefined;
  /** Bytes that its shipper had read from the store before this phase. */
  storedBytesBefore: number;
  ordered: (status: 'done' | 'failed') => void;
}

export function startRestoreShippers(run: RestoreRun): RestoreShippers {
  const { context, plan } = run;
  const { config } = context;
  const rates = hostRates<Member>(
    config.shippers.maxRateBytes,
    (member) => shipperHost(config, member),
    ({ shipper }, bytesPerSecond) => shipper.send({ type: 'rate', bytesPerSecond }),
  );
  const members = plan.contents.map((planned) => startMember(run, planned));
  // When the run was interrupted before, no order is carried out; the failed receipts name the
  // cause.
  const listening = onAbort(
    context.signal,
    () => void Promise.all(members.map(({ shipper }) => shipper.stop())),
  );
  return {
    async carryOut(phase) {
      const working = contentsIn(phase, plan);
      const chosen = members.filter(({ content }) => working.includes(content));
      // Before the orders are sent: no shipper may read at another phase's rate.
      rates.begin(chosen);
      for (const member of chosen) member.storedBytesBefore = member.progress?.storedBytes ?? 0;
      const number = plan.phases.indexOf(phase) + 1;
      const title = `restore, phase ${phase} (${number} of ${plan.phases.length})`;
      const shows = phase === 'verify' ? 'verify' : phase === 'data' ? 'restore' : 'time';
      const next = plan.phases.slice(number).map((one) => PHASE_WORK[one]);
      const progress = showProgress(context, { what: phase, title, shows, next }, () =>
        chosen.map((member) => lineOf(member, phase)),
      );
      const startedAt = context.clock().getTime();
      const digestOf = expectedOrders(run, phase);
      try {
        const keys = await Promise.all(
          chosen.map((member) =>
            follow(run, member, phase, digestOf).finally(() => rates.end(member)),
          ),
        );
        const lines = chosen.map((member) => lineOf(member, phase));
        notePhase(context, phase, lines, context.clock().getTime() - startedAt);
        return keys;
      } finally {
        progress.stop();
      }
    },
    async finish() {
      for (const { shipper } of members) shipper.send({ type: 'end' });
      await Promise.all(members.map(({ shipper }) => shipper.ended.catch(() => undefined)));
    },
    async abort() {
      listening[Symbol.dispose]();
      await Promise.all(members.map(({ shipper }) => shipper.stop()));
    },
  };
}

function startMember(
  { context, store, plan, request, manifest, segments, isSmall }: RestoreRun,
  planned: RestorePlan['contents'][number],
): Member {
  const { config, env, log, keys } = context;
  const { content } = planned;
  const segment = segments.find((candidate) => candidate.content === content);
  // plan-restore refuses a target that lacks a content, so this cannot happen.
  if (segment === undefined)
    throw new StowageError(
      'internal',
      `the restore plan names content ${content}, which the configuration lacks`,
    );
  const job: Job = {
    control: CONTROL_VERSION,
    type: 'restore',
    content,
    restore: plan.id,
    target: targetOf(config, segment, env),
    store: storeSettings(config),
    workers: config.shippers.workers,
    fifoBase: config.shippers.fifoBase,
    ...(segment.dataDir !== undefined && { dataDir: segment.dataDir }),
    ...(keys && { keys: keys.passed(contentsRead(request, manifest, content)) }),
  };
  const command = shipperCommand(config, segment);
  const { host } = segment;
  const member: Member = {
    content,
    host,
    planned,
    progress: undefined,
    storedBytesBefore: 0,
    ordered: () => undefined,
    shipper: isSmall
      ? runShipperHere({ job, onReport, log }, store)
      : startShipper({ job, host, command, log, onReport }),
  };
  return member;

  function onReport(report: Report): void {
    if (report.type === 'hello') {
      context.output.note('shipper', { content, host, pid: report.pid });
      noteUnprovenOrders(context, { content, host }, report);
    }
    if (report.type === 'silent') noteSilence(context.output, content, report.message);
    if (report.type === 'progress') member.progress = report;
    if (report.type === 'ordered') member.ordered(report.status);
  }
}

/**
 * One order of one segment. When its shipper dies, this process stores the failed receipt: the
 * restore must get an outcome.
 */
async function follow(
  { context, store, plan }: RestoreRun,
  member: Member,
  phase: Phase,
  digestOf: ReturnType<typeof expectedOrders>,
): Promise<string> {
  const { content } = member;
  const key = formatKey({ kind: 'restore-receipt', restore: plan.id, phase, content });
  const startedAt = context.clock();
  const ordered = new Promise<unknown>((resolve) => {
    member.ordered = resolve;
  });
  try {
    const expected = digestOf && { sha256: await digestOf(content) };
    member.shipper.send({ type: 'order', phase, ...expected });
    await Promise.race([
      ordered,
      member.shipper.ended.then(() => Promise.reject(endedEarly(content))),
    ]);
  } catch (error) {
    const problem = problemOf(context.signal.aborted ? context.signal.reason : error, content);
    const receipt = failedReceipt(
      { id: plan.id, phase, content },
      problem,
      startedAt,
      context.clock(),
    );
    await store.create(key, encode(RestoreReceipt, receipt)).catch((failure: unknown) => {
      // The shipper stored its own receipt before it died.
      if (!isStowageError(failure, 'storage/exists')) throw failure;
    });
  }
  return key;
}

/** The problem of a content that failed, or of the other content whose loss stopped it. */
function problemOf(error: unknown, content: number): Problem {
  const failure = asStowageError(error);
  return {
    code: 'segment-failed',
    content: failure.where.content ?? content,
    ...causedBy(failure),
  };
}

function endedEarly(content: number): StowageError {
  return new StowageError(
    'shipper/died',
    `the shipper of content ${content} ended before it reported the result of its order`,
    { where: { content } },
  );
}

function lineOf(
  { content, host, planned, progress, storedBytesBefore }: Member,
  phase: Phase,
): SegmentProgress {
  const { rows = 0, bytes = 0, relationsLoaded = 0, underWay } = progress ?? {};
  const { objectsDone, objectsPlanned, objectBytesDone, objectBytesPlanned } = progress ?? {};
  const storedBytes = (progress?.storedBytes ?? 0) - storedBytesBefore;
  return {
    content,
    host,
    rows,
    bytes,
    storedBytes,
    relationsDone: relationsLoaded,
    relationsPlanned: planned.relations,
    fraction:
      phase === 'verify'
        ? shareOf(storedBytes, planned.storedBytes)
        : loadedShare(planned, { bytes, relations: relationsLoaded }),
    current: progress?.relation,
    ...(underWay !== undefined && { underWay }),
    ...(objectsDone !== undefined && { objectsDone }),
    ...(objectsPlanned !== undefined && { objectsPlanned }),
    ...(objectBytesDone !== undefined && { objectBytesDone }),
    ...(objectBytesPlanned !== undefined && { objectBytesPlanned }),
  };
}
