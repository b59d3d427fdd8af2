import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
  sha256,
} from '../../backup-set/base/document.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { boundedLeftOut, boundedProblems } from '../../backup-set/base/verdict.ts';
import { rolesKeptField } from '../../backup-set/documents/restore/found.ts';
import { Order, RestoreReceipt } from '../../backup-set/documents/restore/restore.ts';
import { meteredReads } from '../../storage/wrapped/metered-reads.ts';
import type { ShipperDeps } from '../deps.ts';
import type { AnnouncedOrder, RestoreJob } from '../protocol/control.ts';
import { progressReport } from '../protocol/reports.ts';
import { rememberedMetadata } from '../read/remembered-metadata.ts';
import { type VerifiedBytes, verifiedBytes } from '../read/verified-bytes.ts';
import { withLockedTarget } from './locked-order.ts';
import { type OrderResult, problemOf } from './order-result.ts';
import { runOrder } from './run-order.ts';

/** Runs the orders of a restore as the coordinator announces them. */
export async function restore(
  job: RestoreJob,
  orders: AsyncIterable<AnnouncedOrder>,
  deps: ShipperDeps,
): Promise<void> {
  const kept = verifiedBytes();
  const store = rememberedMetadata(deps.store);
  for await (const order of orders) {
    deps.signal.throwIfAborted();
    await completeOrder(job, order, { ...deps, store }, kept);
    if (order.phase === 'data') kept.forgetRows();
  }
}

/**
 * Runs one order and stores its receipt, also when the order failed.
 * @throws when the signal fires or the receipt cannot be stored: the order then has no receipt.
 */
export async function completeOrder(
  job: RestoreJob,
  order: AnnouncedOrder,
  deps: ShipperDeps,
  kept?: VerifiedBytes,
): Promise<void> {
  const { content } = job;
  const { phase } = order;
  const startedAt = deps.clock();
  const storedBefore = deps.progress.storedBytes;
  const metered = meteredReads(deps.store, (bytes) => {
    deps.progress.storedBytes += bytes;
  });
  const store = kept === undefined ? metered : kept.servedFrom(metered);
  const result = await readAndRun(job, order, { ...deps, store }, kept);
  // The next order must not show what this one did last.
  deps.progress.underWay.length = 0;
  // An interrupted order gets no receipt: another shipper may run the same order again.
  deps.signal.throwIfAborted();
  const status = result.problems.length === 0 ? 'done' : 'failed';
  const receipt = encode(RestoreReceipt, {
    format: 'stowage/restore-receipt',
    version: FORMAT_VERSION,
    id: job.restore,
    phase,
    content,
    status,
    startedAt: startedAt.toISOString(),
    finishedAt: deps.clock().toISOString(),
    storedBytes: deps.progress.storedBytes - storedBefore,
    relations: [...result.loaded],
    ...(result.notLoaded?.length ? { notLoaded: [...result.notLoaded] } : {}),
    ...boundedProblems(result.problems),
    ...(result.leftOut && boundedLeftOut(result.leftOut.problems, result.leftOut.problemsTotal)),
    ...rolesKeptField(result.rolesKept ?? []),
  });
  const key = formatKey({ kind: 'restore-receipt', restore: job.restore, phase, content });
  // A shipper cannot read receipts. If the coordinator has given up this shipper and stored a
  // failure here, the restore goes by that.
  await deps.store.create(key, receipt, { signal: deps.signal, ownKey: true });
  // The coordinator counts the bytes of each phase from the last report of the one before.
  deps.progress.objects = undefined;
  deps.report(progressReport(deps.progress));
  deps.report({ type: 'ordered', phase, status });
}

/** @throws StowageError `encryption/no-key`: without keys, an order could fail half-way. */
function requireKeys({ encrypted, timestamp }: Order, { keys }: ShipperDeps): void {
  if (encrypted === true && keys === undefined)
    throw new StowageError(
      'encryption/no-key',
      `set ${timestamp} is encrypted, and this shipper has no key of it: an agent needs encryption.identityFile in its agent.yaml, and the command its recipient in encryption.agents`,
      { where: { set: timestamp } },
    );
}

/** @throws StowageError `restore/order`: also an order that was changed must change nothing. */
function requireOwn(object: string, bytes: Uint8Array, expected: string): void {
  if (sha256(bytes) === expected) return;
  throw new StowageError(
    'restore/order',
    `${object} is not the order that this restore makes of its set (its SHA-256 differs): another program has changed it, or a function of another version has written it`,
    { where: { object } },
  );
}

async function readAndRun(
  job: RestoreJob,
  { phase, sha256: expected }: AnnouncedOrder,
  deps: ShipperDeps,
  kept: VerifiedBytes | undefined,
): Promise<OrderResult> {
  const { content } = job;
  try {
    const key = formatKey({ kind: 'order', restore: job.restore, phase, content });
    const bytes = await deps.store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal: deps.signal });
    if (expected !== undefined) requireOwn(key, bytes, expected);
    const order = decode(Order, { key, bytes });
    requireKeys(order, deps);
    return await withLockedTarget(order, job, deps, (locked) => runOrder(order, job, locked, kept));
  } catch (error) {
    deps.log.error({ err: error, phase }, 'order failed');
    return { loaded: [], problems: [problemOf(error, content)] };
  }
}
