import {
  DOCUMENT_BYTES_MAX,
  decode,
  encode,
  FORMAT_VERSION,
} from '../../backup-set/base/document.ts';
import { formatKey, type Phase } from '../../backup-set/base/keys.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import { Order, RestoreReceipt } from '../../backup-set/documents/restore.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Progress, ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { type VerifiedBytes, verifiedBytes } from '../read/verified-bytes.ts';
import { type OrderResult, problemOf } from './order-result.ts';
import { runOrder } from './run-order.ts';

/** Carries out a restore's orders as the coordinator announces them; each ends in a receipt, also when it failed. */
export async function restore(
  job: RestoreJob,
  phases: AsyncIterable<Phase>,
  deps: ShipperDeps,
): Promise<void> {
  const kept = verifiedBytes();
  for await (const phase of phases) {
    deps.signal.throwIfAborted();
    await completeOrder(job, phase, deps, kept);
    if (phase === 'data') kept.forgetRows();
  }
}

/**
 * Carries out one order and stores its receipt, also a failed one.
 * @throws when it was interrupted, or the receipt could not be stored: then nobody has answered.
 */
export async function completeOrder(
  job: RestoreJob,
  phase: Phase,
  deps: ShipperDeps,
  kept?: VerifiedBytes,
): Promise<void> {
  const startedAt = deps.clock();
  const storedBefore = deps.progress.storedBytes;
  const metered = meterReads(deps.store, deps.progress);
  const store = kept === undefined ? metered : kept.servedFrom(metered);
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
): Promise<OrderResult> {
  const { content } = job;
  try {
    const key = formatKey({ kind: 'order', restore: job.restore, phase, content });
    const bytes = await deps.store.read(key, { bytesMax: DOCUMENT_BYTES_MAX, signal: deps.signal });
    return await runOrder(decode(Order, { key, bytes }), job, deps, kept);
  } catch (error) {
    deps.log.error({ err: error, phase }, 'order failed');
    return { loaded: [], problems: [problemOf(error, content)] };
  }
}

/** Counts what is really read, also what is read twice. */
function meterReads(store: ObjectStore, progress: Progress): ObjectStore {
  return {
    ...store,
    async *get(key, options) {
      for await (const chunk of store.get(key, options)) {
        progress.storedBytes += chunk.byteLength;
        yield chunk;
      }
    },
    async read(key, options) {
      const bytes = await store.read(key, options);
      progress.storedBytes += bytes.byteLength;
      return bytes;
    },
  };
}
