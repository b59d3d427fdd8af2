import { crc32 } from 'node:zlib';
import { type Handoff, handoff } from '../../async/handoff.ts';
import { EXTENTS_MAX, encode, FORMAT_VERSION, sha256 } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { type Extent, Receipt } from '../../backup-set/documents/receipt.ts';
import { combineCrc32 } from '../../frame/crc32.ts';
import { hex } from '../../frame/hex.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { ShipperDeps } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';

/** Frames of one worker, written to one pack after the other; each finished pack is followed by its receipt. */
export interface PackSeries {
  /** Appends one whole frame. Waits while the store is behind; then nobody reads its memory any more. */
  frame(relation: number, frame: WholeFrame): Promise<void>;
  /** Ends the last pack and stores its receipt. */
  finish(): Promise<void>;
  /** Aborts the upload in flight; nothing of it stays. Frames that are still on their way here get the reason. */
  abandon(reason: unknown): Promise<void>;
}

/** What went into a frame. */
export interface FrameCounts {
  readonly rows: number;
  readonly bytes: number;
}

/** A frame as it is stored, or as it comes into being; then the counts are known once its last byte was produced. */
export interface WholeFrame {
  readonly stored: AsyncIterable<Uint8Array> | Uint8Array;
  readonly counts: () => FrameCounts;
}

interface OpenPack {
  readonly key: string;
  readonly sequence: number;
  readonly startedAt: Date;
  readonly extents: Extent[];
  readonly handoff: Handoff;
  readonly uploaded: Promise<StoredObject>;
  bytes: number;
  crc: number;
}

export function packSeries(job: BackupJob, worker: number, deps: ShipperDeps): PackSeries {
  let open: OpenPack | undefined;
  let sequence = 0;
  let abandoned: { readonly reason: unknown } | undefined;
  return {
    async frame(relation, { stored, counts }) {
      if (abandoned !== undefined) throw abandoned.reason;
      open ??= openPack(job, worker, ++sequence, deps);
      const offset = open.bytes;
      let crc = 0;
      for await (const chunk of stored instanceof Uint8Array ? [stored] : stored) {
        crc = crc32(chunk, crc);
        await append(open, chunk, deps);
      }
      const length = open.bytes - offset;
      open.crc = combineCrc32(open.crc, crc, length);
      open.extents.push({ relation, offset, length, ...counts(), crc32: hex(crc) });
      if (open.bytes < job.packBytes && open.extents.length < EXTENTS_MAX) return;
      const full = open;
      open = undefined;
      await finishPack(full, job, worker, deps);
    },
    async finish() {
      const last = open;
      open = undefined;
      if (last !== undefined) await finishPack(last, job, worker, deps);
    },
    async abandon(reason) {
      abandoned = { reason };
      const left = open;
      open = undefined;
      left?.handoff.fail(reason);
      await left?.uploaded.catch(() => undefined);
    },
  };
}

function openPack(
  job: BackupJob,
  worker: number,
  sequence: number,
  { store, clock, signal }: ShipperDeps,
): OpenPack {
  const { timestamp, content, attempt } = job;
  const key = formatKey({ kind: 'pack', timestamp, content, attempt, worker, sequence });
  const passed = handoff();
  const uploaded = store.upload(key, passed.chunks, { signal });
  // Its failure is seen by whoever writes or finishes; an upload may fail before it reads anything.
  uploaded.catch((reason: unknown) => passed.fail(reason));
  return {
    key,
    sequence,
    startedAt: clock(),
    extents: [],
    handoff: passed,
    uploaded,
    bytes: 0,
    crc: 0,
  };
}

async function append(pack: OpenPack, chunk: Uint8Array, deps: ShipperDeps): Promise<void> {
  await deps.throttle(chunk.byteLength, deps.signal);
  await pack.handoff.write(chunk).catch(async (error: unknown) => {
    // The upload alone knows why it reads no more.
    await pack.uploaded;
    throw error;
  });
  pack.bytes += chunk.byteLength;
  deps.progress.storedBytes += chunk.byteLength;
}

/** The pack must be stored before its receipt says so. */
async function finishPack(
  pack: OpenPack,
  job: BackupJob,
  worker: number,
  deps: ShipperDeps,
): Promise<void> {
  pack.handoff.end();
  const { etag } = await pack.uploaded;
  await storeReceipt(
    {
      kind: 'pack',
      ...shippedBy(job, worker, pack.sequence),
      object: {
        key: pack.key,
        bytes: pack.bytes,
        crc32: hex(pack.crc),
        ...(etag === undefined ? {} : { etag }),
      },
      startedAt: pack.startedAt.toISOString(),
      finishedAt: deps.clock().toISOString(),
      extents: pack.extents,
    },
    deps,
  );
}

/** The fields every receipt of this shipper starts with. */
export function shippedBy(
  { timestamp, content, attempt }: BackupJob,
  worker: number,
  sequence: number,
) {
  return {
    format: 'stowage/receipt',
    version: FORMAT_VERSION,
    timestamp,
    content,
    attempt,
    worker,
    sequence,
  } as const;
}

/** Stores a receipt and tells the coordinator its digest, which the seal will hold. */
export async function storeReceipt(
  receipt: Receipt,
  { store, report, signal }: ShipperDeps,
): Promise<void> {
  const bytes = encode(Receipt, receipt);
  const { timestamp, content, attempt, worker, sequence } = receipt;
  await store.create(
    formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence }),
    bytes,
    {
      signal,
    },
  );
  report({
    type: 'receipt',
    attempt,
    worker,
    sequence,
    sha256: sha256(bytes),
    storedBytes: receipt.object.bytes,
  });
}
