import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
} from '../../backup-set/base/document.ts';
import { formatKey, type Phase } from '../../backup-set/base/keys.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import { Order, RestoreReceipt } from '../../backup-set/documents/restore.ts';
import { meteredReads } from '../../storage/wrapped/metered-reads.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { type VerifiedBytes, verifiedBytes } from '../read/verified-bytes.ts';
import type { CarriedOut } from './carried-out.ts';
import { carryOut } from './carry-out.ts';
import { problemOf } from './problem.ts';

/** Carries out a restore's orders as the coordinator announces them; each ends in a receipt, also when it failed. */
export async function restore(
  job: RestoreJob,
  phases: AsyncIterable<Phase>,
  deps: ShipperDeps,
): Promise<void> {
  const kept = verifiedBytes();
  for await (const phase of phases) {
    deps.signal.throwIfAborted();
    await followOrder(job, phase, deps, kept);
    if (phase === 'data') kept.forgetRows();
  }
}

/**
 * Carries out one order and stores its receipt, also a failed one.
 * @throws when it was interrupted, or the receipt could not be stored: then nobody has answered.
 */
export async function followOrder(
  job: RestoreJob,
  phase: Phase,
  deps: ShipperDeps,
  kept?: VerifiedBytes,
): Promise<void> {
  const startedAt = deps.clock();
  const storedBefore = deps.progress.storedBytes;
  const metered = meteredReads(deps.store, (bytes) => {
    deps.progress.storedBytes += bytes;
  });
  const store = kept === undefined ? metered : kept.before(metered);
  const result = await attempt(job, phase, { ...deps, store }, kept);
  // Interrupted is not failed: whoever ended us may give the same order to another shipper.
  deps.signal.throwIfAborted();
  const status = result.problems.length === 0 ? 'done' : 'failed';
  const receipt = encode(RestoreReceipt, {
    format: 'stowage/restore-receipt',
    version: FORMAT_VERSION,
    id: job.restore,
    phase,
    content: job.content,
    status,
    startedAt: startedAt.toISOString(),
    finishedAt: deps.clock().toISOString(),
    storedBytes: deps.progress.storedBytes - storedBefore,
    relations: [...result.loaded],
    ...boundedProblems(result.problems),
  });
  await deps.store.create(
    formatKey({ kind: 'restore-receipt', restore: job.restore, phase, content: job.content }),
    receipt,
    {
      signal: deps.signal,
    },
  );
  deps.report({ type: 'ordered', phase, status });
}

async function attempt(
  job: RestoreJob,
  phase: Phase,
  deps: ShipperDeps,
  kept: VerifiedBytes | undefined,
): Promise<CarriedOut> {
  const { content } = job;
  try {
    const key = formatKey({ kind: 'order', restore: job.restore, phase, content });
    const bytes = await deps.store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal: deps.signal });
    return await carryOut(decode(Order, { key, bytes }), job, deps, kept);
  } catch (error) {
    deps.log.error({ err: error, phase }, 'order failed');
    return { loaded: [], problems: [problemOf(error, content)] };
  }
}
