import { onAbort } from '../../async/abort.ts';
import { together } from '../../async/together.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import {
  type BackupAddress,
  type BackupOrder,
  BackupReport,
} from '../../backup-set/documents/agents.ts';
import { backup } from '../backup/backup.ts';
import { readBase } from '../backup/carry/read-base.ts';
import { checkServer } from '../check/check-server.ts';
import { noProgress, type Progress } from '../deps.ts';
import { type BackupJob, CONTROL_VERSION, type Report } from '../protocol/control.ts';
import { peakMemoryBytes } from '../protocol/peak-memory.ts';
import { storeOf } from './config.ts';
import { type ServedContent, targetFor } from './contents.ts';
import { sealingFor } from './keys/own-keys.ts';
import type { Agent, OrderWork } from './orders.ts';

/** An aborted order has this long to store its report. */
const REPORT_MS_MAX = 10_000;
const CHECK_MS = 1_000;

/** An order for this agent, and why it must not be run, if so. */
export type OwnOrder = { readonly served: ServedContent } & (
  | { readonly order: BackupOrder; readonly refusal?: undefined }
  | { readonly order: BackupAddress; readonly refusal: StowageError }
);

/** How to run one backup order. Success and failure both end with the report in the bucket. */
export function backupOrderWork(
  agent: Agent,
  own: OwnOrder,
  noMorePrograms: AbortSignal,
): Pick<OrderWork, 'work' | 'fail'> {
  const { store, clock, log, throttle } = agent;
  const { timestamp, content } = own.order;
  const progress = noProgress();
  const reports: Report[] = [];
  let baseUnused: BackupReport['baseUnused'];
  return {
    async work(signal) {
      if (own.refusal !== undefined) throw own.refusal;
      const { order, served } = own;
      const deps = {
        store,
        clock,
        log: log.child({ set: timestamp, content }),
        report: (line: Report) => void reports.push(line),
        progress,
        throttle,
      };
      const done = new AbortController();
      const sealing = await sealingFor(agent, order);
      await together(signal, [
        async (stop) => {
          const job = jobOf(agent, order, served);
          const { systemIdentifier } = order;
          await checkServer(
            {
              target: job.target,
              dumps: job.metadata.length > 0,
              ...(systemIdentifier !== undefined && { systemIdentifier }),
            },
            stop,
          );
          const base = await readBase(store, order, stop);
          if (base.unused !== undefined) {
            baseUnused = base.unused;
            deps.log.warn(base.unused, 'the base cannot be read: all rows are stored');
          }
          const shipping = { ...deps, sealing, signal: stop };
          await backup(job, noMorePrograms, shipping, base.index).finally(() => done.abort());
        },
        (stop) => failWhenStalled(progress, order, AbortSignal.any([stop, done.signal])),
      ]);
      await storeReport();
    },
    async fail(error) {
      await storeReport(error).catch((failure: unknown) => {
        // The report was stored just before the abort, or by an earlier process of this agent.
        if (!isStowageError(failure, 'storage/exists')) throw failure;
      });
    },
  };

  async function storeReport(error?: StowageError): Promise<void> {
    const report = reportOf(own.order, reports, progress, clock());
    const failure = error && { code: error.code, message: error.message };
    const bytes = encode(BackupReport, {
      ...report,
      status: failure === undefined ? 'shipped' : 'failed',
      ...(baseUnused && { baseUnused }),
      ...(failure && { failure }),
    });
    const key = formatKey({ kind: 'backup-report', timestamp, content });
    await store.create(key, bytes, { signal: AbortSignal.timeout(REPORT_MS_MAX) });
  }
}

function jobOf(
  { config, env }: Agent,
  { base: _, sealing: __, signedBy: ___, signature: ____, ...order }: BackupOrder,
  served: ServedContent,
): BackupJob {
  return {
    ...order,
    control: CONTROL_VERSION,
    type: 'backup',
    target: targetFor(config, served, order.database, env),
    store: storeOf(config),
    workers: config.workers,
    fifoBase: config.fifoBase,
    ...(served.dataDir !== undefined && { dataDir: served.dataDir }),
  };
}

function reportOf(
  { timestamp, content, attempt, base }: BackupAddress & Pick<BackupOrder, 'base'>,
  reports: readonly Report[],
  { rows, bytes, storedBytes }: Progress,
  finishedAt: Date,
): Omit<BackupReport, 'status' | 'failure'> {
  const receipts = reports.filter((line) => line.type === 'receipt');
  const carried = base && {
    carriedBytes: receipts.reduce((sum, { carriedBytes = 0 }) => sum + carriedBytes, 0),
    objects: receipts.filter(({ carriedBytes }) => carriedBytes === undefined).length,
  };
  return {
    format: 'stowage/backup-report',
    version: FORMAT_VERSION,
    timestamp,
    content,
    finishedAt: finishedAt.toISOString(),
    receipts: receipts.map(({ attempt, worker, sequence, sha256 }) => ({
      ...{ attempt, worker, sequence, sha256 },
    })),
    relations: reports
      .filter((line) => line.type === 'relation')
      .map(({ type: _, relation, ...counted }) => ({ relation, attempt, ...counted })),
    totals: { rows, bytes, storedBytes, ...carried },
    peakMemoryBytes: peakMemoryBytes(),
  };
}

/**
 * Resolves when the signal fires. Needed because a coordinator that has died sends no message: the
 * programs whose rows an order collects then never start.
 * @throws StowageError `shipper/died` when the progress has not changed for as long as the order
 * allows.
 */
async function failWhenStalled(
  progress: Progress,
  { overdueAfterSeconds }: BackupOrder,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  let since = performance.now();
  const ended = Promise.withResolvers<void>();
  using _ = onAbort(signal, () => ended.resolve());
  const checking = setInterval(() => {
    const current = JSON.stringify(progress);
    if (current !== last) since = performance.now();
    last = current;
    if (performance.now() - since > overdueAfterSeconds * 1000)
      ended.reject(
        new StowageError(
          'shipper/died',
          `the backup of this content has stalled: no progress for ${overdueAfterSeconds} s`,
        ),
      );
  }, CHECK_MS);
  try {
    await ended.promise;
  } finally {
    clearInterval(checking);
  }
}
