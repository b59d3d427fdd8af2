import { encode } from '../../backup-set/base/document.ts';
import { asStowageError, isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Phase } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import {
  failedReceipt,
  type RestorePlan,
  RestoreReceipt,
} from '../../backup-set/documents/restore.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import type { Segment } from '../../database/flavour.ts';
import { CONTROL_VERSION, type Job, type Report } from '../../segment-shipper/protocol/control.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { shipperCommand, shipperHost, storeSettings, targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { type SegmentProgress, showProgress } from '../output/progress.ts';
import { hostRates } from '../shippers/host-rates.ts';
import { type ShipperProcess, startShipper } from '../shippers/process.ts';

/** The shippers of one restore. */
export interface RestoreShippers {
  /** Has every segment follow its order of this phase; returns the keys of the receipts, one per content, whatever happened. */
  carryOut(phase: Phase): Promise<string[]>;
  /** Ends the shippers in good order. */
  finish(): Promise<void>;
  /** Ends what still runs. Never throws. */
  abort(): Promise<void>;
}

interface Member {
  readonly content: number;
  readonly host: string;
  readonly shipper: ShipperProcess;
  readonly planned: RestorePlan['contents'][number];
  progress: Extract<Report, { type: 'progress' }> | undefined;
  ordered: (status: 'done' | 'failed') => void;
}

export function startRestoreShippers(
  context: ClusterContext,
  store: ObjectStore,
  plan: RestorePlan,
  segments: readonly Segment[],
): RestoreShippers {
  const { config } = context;
  const rates = hostRates<Member>(
    config.shippers.maxRateBytes,
    (member) => shipperHost(config, member),
    ({ shipper }, bytesPerSecond) => shipper.send({ type: 'rate', bytesPerSecond }),
  );
  const members = plan.contents.map((planned) => startMember(context, plan, planned, segments));
  const interrupted = () => void Promise.all(members.map(({ shipper }) => shipper.stop()));
  context.signal.addEventListener('abort', interrupted, { once: true });
  // Interrupted before we came: no order is carried out, and the receipts say why.
  if (context.signal.aborted) interrupted();
  return {
    async carryOut(phase) {
      const working = contentsIn(phase, plan);
      const chosen = members.filter(({ content }) => working.includes(content));
      // Before their orders: until then nobody reads anything.
      rates.begin(chosen);
      const progress = showProgress(phase, context.output, context.clock, () => chosen.map(lineOf));
      try {
        return await Promise.all(
          chosen.map((member) =>
            follow(context, store, plan, member, phase).finally(() => rates.end(member)),
          ),
        );
      } finally {
        progress.stop();
      }
    },
    async finish() {
      for (const { shipper } of members) shipper.send({ type: 'end' });
      await Promise.all(members.map(({ shipper }) => shipper.ended.catch(() => undefined)));
    },
    async abort() {
      context.signal.removeEventListener('abort', interrupted);
      await Promise.all(members.map(({ shipper }) => shipper.stop()));
    },
  };
}

function startMember(
  context: ClusterContext,
  plan: RestorePlan,
  planned: RestorePlan['contents'][number],
  segments: readonly Segment[],
): Member {
  const { config, env, log } = context;
  const { content } = planned;
  const segment = segments.find((candidate) => candidate.content === content);
  // The restore function refuses a target that lacks a content, so this is a contradiction inside one run.
  if (segment === undefined)
    throw new StowageError(
      'internal',
      `the plan names content ${content}, the configuration does not`,
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
  };
  const command = shipperCommand(config, segment);
  const member: Member = {
    content,
    host: segment.host,
    planned,
    progress: undefined,
    ordered: () => undefined,
    shipper: startShipper({
      job,
      host: segment.host,
      command,
      log,
      onReport: (report) => {
        if (report.type === 'hello')
          context.output.note('shipper', { content, host: segment.host, pid: report.pid });
        if (report.type === 'progress') member.progress = report;
        if (report.type === 'ordered') member.ordered(report.status);
      },
    }),
  };
  return member;
}

/** One segment, one order. When its shipper dies, the coordinator writes the failed receipt: the restore must get its outcome. */
async function follow(
  context: ClusterContext,
  store: ObjectStore,
  plan: RestorePlan,
  member: Member,
  phase: Phase,
): Promise<string> {
  const { content } = member;
  const key = formatKey({ kind: 'restore-receipt', restore: plan.id, phase, content });
  const startedAt = context.clock();
  const ordered = new Promise<unknown>((resolve) => {
    member.ordered = resolve;
  });
  member.shipper.send({ type: 'order', phase });
  try {
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
      // Its own word came before it died.
      if (!isStowageError(failure, 'storage/exists')) throw failure;
    });
  }
  return key;
}

function problemOf(error: unknown, content: number): Problem {
  const { code, message } = asStowageError(error);
  return { code: 'segment-failed', content, message: `${message} (${code})` };
}

function endedEarly(content: number): StowageError {
  return new StowageError(
    'shipper/died',
    `the shipper of content ${content} ended without carrying out its order`,
    { where: { content } },
  );
}

function lineOf({ content, host, planned, progress }: Member): SegmentProgress {
  const bytes = progress?.bytes ?? 0;
  return {
    content,
    host,
    rows: progress?.rows ?? 0,
    bytes,
    storedBytes: progress?.storedBytes ?? 0,
    relationsDone: 0,
    relationsPlanned: planned.relations,
    fraction: planned.bytes === 0 ? undefined : Math.min(bytes / planned.bytes, 1),
    current: progress?.relation,
  };
}
