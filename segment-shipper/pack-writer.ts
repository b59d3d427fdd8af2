import { crc32 } from 'node:zlib';
import { EXTENTS_MAX, encode, FORMAT_VERSION, sha256 } from '../backup-set/documents.ts';
import { formatKey } from '../backup-set/keys.ts';
import { type Extent, Receipt } from '../backup-set/receipt.ts';
import type { StoredObject } from '../storage/store.ts';
import type { BackupJob } from './control.ts';
import type { ShipperDeps } from './deps.ts';

/** Frames of one worker, written to one pack after the other; each finished pack is followed by its receipt. */
export interface PackSeries {
  /** Appends one whole frame. Waits while the store is behind. */
  frame(
    relation: number,
    frame: { stored: AsyncIterable<Uint8Array> | Uint8Array; counts: () => FrameCounts },
  ): Promise<void>;
  /** Ends the last pack and stores its receipt. */
  finish(): Promise<void>;
  /** Aborts the upload in flight; nothing of it stays. */
  abandon(reason: unknown): Promise<void>;
}

/** Known once the frame's last byte was produced. */
export interface FrameCounts {
  readonly rows: number;
  readonly bytes: number;
}

interface OpenPack {
  readonly key: string;
  readonly sequence: number;
  readonly startedAt: Date;
  readonly extents: Extent[];
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly uploaded: Promise<StoredObject>;
  /** Rejects when the upload does, never resolves. */
  readonly failed: Promise<never>;
  bytes: number;
  crc: number;
}

export function packSeries(job: BackupJob, worker: number, deps: ShipperDeps): PackSeries {
  let open: OpenPack | undefined;
  let sequence = 0;
  return {
    async frame(relation, { stored, counts }) {
      open ??= openPack(job, worker, ++sequence, deps);
      const offset = open.bytes;
      let crc = 0;
      for await (const chunk of stored instanceof Uint8Array ? [stored] : stored) {
        crc = crc32(chunk, crc);
        await append(open, chunk, deps);
      }
      open.extents.push({ relation, offset, length: open.bytes - offset, ...counts(), crc32: hex(crc) });
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
      const left = open;
      open = undefined;
      // Not awaited: with a write under way it would wait for a reader that may be gone. The upload is what must have ended.
      left?.writer.abort(reason).catch(() => undefined);
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
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const uploaded = store.upload(key, readable, { signal });
  const failed = uploaded.then(() => new Promise<never>(() => undefined));
  // Its failure is seen by whoever writes or finishes; until then it must not count as unhandled.
  failed.catch(() => undefined);
  return {
    key,
    sequence,
    startedAt: clock(),
    extents: [],
    writer: writable.getWriter(),
    uploaded,
    failed,
    bytes: 0,
    crc: 0,
  };
}

async function append(pack: OpenPack, chunk: Uint8Array, deps: ShipperDeps): Promise<void> {
  await deps.throttle(chunk.byteLength, deps.signal);
  const written = pack.writer.write(chunk);
  written.catch(() => undefined);
  // An upload that failed before it read anything leaves a write waiting for ever; and it alone knows why it failed.
  await Promise.race([pack.failed, written.catch(() => pack.failed)]);
  pack.crc = crc32(chunk, pack.crc);
  pack.bytes += chunk.byteLength;
  deps.progress.storedBytes += chunk.byteLength;
}

/** The pack must be stored before its receipt says so. */
async function finishPack(pack: OpenPack, job: BackupJob, worker: number, deps: ShipperDeps): Promise<void> {
  await pack.writer.close().catch(() => undefined);
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
export function shippedBy({ timestamp, content, attempt }: BackupJob, worker: number, sequence: number) {
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
export async function storeReceipt(receipt: Receipt, { store, report, signal }: ShipperDeps): Promise<void> {
  const bytes = encode(Receipt, receipt);
  const { timestamp, content, attempt, worker, sequence } = receipt;
  await store.create(formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence }), bytes, {
    signal,
  });
  report({
    type: 'receipt',
    attempt,
    worker,
    sequence,
    sha256: sha256(bytes),
    storedBytes: receipt.object.bytes,
  });
}

/** CRC-32 as documents write it. */
export function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
