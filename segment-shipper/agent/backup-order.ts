import { together } from '../../async/together.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { type BackupOrder, BackupReport } from '../../backup-set/documents/agents.ts';
import { backup } from '../backup/backup.ts';
import { noProgress, type Progress } from '../deps.ts';
import { type BackupJob, CONTROL_VERSION, type Report } from '../protocol/control.ts';
import { type ServedContent, targetFor } from './contents.ts';
import type { Agent, OrderWork } from './orders.ts';

/** The last word of an order that is broken off gets its own, short, time. */
const REPORT_MS_MAX = 10_000;
const LOOK_MS = 1_000;

/** How one backup order is carried out, and how its failure is told; both end with the report that its coordinator waits for. */
export function backupOrderWork(
  agent: Agent,
  order: BackupOrder,
  served: ServedContent,
  noMore: AbortSignal,
): Pick<OrderWork, 'work' | 'fail'> {
  const { store, clock, log, throttle } = agent;
  const { timestamp, content } = order;
  const progress = noProgress();
  const told: Report[] = [];
  return {
    async work(signal) {
      const deps = {
        store,
        clock,
        log: log.child({ set: timestamp, content }),
        report: (line: Report) => void told.push(line),
        progress,
        throttle,
      };
      const done = new AbortController();
      await together(signal, [
        async (stop) => {
          await backup(jobOf(agent, order, served), noMore, { ...deps, signal: stop }).finally(() =>
            done.abort(),
          );
        },
        (stop) => failWhenStalled(progress, order, AbortSignal.any([stop, done.signal])),
      ]);
      await storeReport();
    },
    async fail(error) {
      await storeReport(error).catch((failure: unknown) => {
        // It was stored before we were broken off, or by our predecessor.
        if (!isStowageError(failure, 'storage/exists')) throw failure;
      });
    },
  };

  async function storeReport(error?: StowageError): Promise<void> {
    const report = reportOf(order, told, progress, clock());
    const failure = error && { code: error.code, message: error.message };
    const bytes = encode(BackupReport, {
      ...report,
      status: failure === undefined ? 'shipped' : 'failed',
      ...(failure && { failure }),
    });
    const key = formatKey({ kind: 'backup-report', timestamp, content });
    await store.create(key, bytes, { signal: AbortSignal.timeout(REPORT_MS_MAX) });
  }
}

function jobOf({ config, env }: Agent, order: BackupOrder, served: ServedContent): BackupJob {
  return {
    ...order,
    control: CONTROL_VERSION,
    type: 'backup',
    target: targetFor(config, served, order.database, env),
    store: { root: config.root, s3: config.storage },
    workers: config.workers,
    fifoBase: config.fifoBase,
    ...(served.dataDir !== undefined && { dataDir: served.dataDir }),
  };
}

function reportOf(
  { timestamp, content, attempt }: BackupOrder,
  told: readonly Report[],
  { rows, bytes, storedBytes }: Progress,
  finishedAt: Date,
): Omit<BackupReport, 'status' | 'failure'> {
  return {
    format: 'stowage/backup-report',
    version: FORMAT_VERSION,
    timestamp,
    content,
    finishedAt: finishedAt.toISOString(),
    receipts: told
      .filter((line) => line.type === 'receipt')
      .map(({ attempt, worker, sequence, sha256 }) => ({ attempt, worker, sequence, sha256 })),
    relations: told
      .filter((line) => line.type === 'relation')
      .map(({ relation, rows, bytes }) => ({ relation, attempt, rows, bytes })),
    totals: { rows, bytes, storedBytes },
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/**
 * Ends with the signal. A coordinator that has died says nothing any more, and its programs never come.
 * @throws StowageError `shipper/died` when nothing has moved for as long as the order allows.
 */
async function failWhenStalled(
  progress: Progress,
  { overdueAfterSeconds }: BackupOrder,
  signal: AbortSignal,
): Promise<void> {
  let last = '';
  let since = performance.now();
  const still = Promise.withResolvers<void>();
  const looking = setInterval(() => {
    const now = JSON.stringify(progress);
    if (now !== last) since = performance.now();
    last = now;
    if (performance.now() - since > overdueAfterSeconds * 1000)
      still.reject(
        new StowageError('shipper/died', `nothing has moved for ${overdueAfterSeconds} s`),
      );
  }, LOOK_MS);
  const ended = () => still.resolve();
  signal.addEventListener('abort', ended, { once: true });
  if (signal.aborted) ended();
  try {
    await still.promise;
  } finally {
    clearInterval(looking);
    signal.removeEventListener('abort', ended);
  }
}
