import { crc32 } from 'node:zlib';
import { type Handoff, handoff } from '../../async/handoff.ts';
import { EXTENTS_MAX } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { CarriedExtent, Extent, RowFormat } from '../../backup-set/documents/receipt.ts';
import { combineCrc32 } from '../../frame/crc32.ts';
import { hex } from '../../frame/hex.ts';
import { release } from '../../frame/release.ts';
import { storedFrame } from '../../frame/seal/sealing.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { ShipperDeps } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';
import { receiptHeader, storeReceipt, type Writer } from './store-receipt.ts';

/** In a receipt: more would be as much memory as the rows that a worker holds. */
const CARRIED_EXTENTS_MAX = 10_000;
/** Extents of the open packs of all workers: with frames of 2 KiB, a pack has half a million. */
const HELD_EXTENTS_MAX = 100_000;

/** How many extents a pack of one of these workers may have. */
export const extentsPerWorker = (workers: number) =>
  Math.min(EXTENTS_MAX, Math.ceil(HELD_EXTENTS_MAX / workers));

/**
 * Writes one worker's frames to a series of packs. The receipt of each pack is stored after it.
 * Receipts of carried rows have sequences of the same series.
 */
export interface PackSeries {
  /**
   * Appends one whole frame. Waits while the upload is behind. The frame's memory is not read any
   * more when this resolves.
   */
  frame(relation: number, frame: WholeFrame): Promise<void>;
  /** Notes rows that the base has. */
  carry(extent: CarriedExtent): Promise<void>;
  /** Ends the last pack and stores its receipt, and one of carried rows. */
  finish(): Promise<void>;
  /** Aborts the upload in flight, which then stores nothing. `frame` then throws the reason. */
  abort(reason: unknown): Promise<void>;
}

export interface FrameCounts {
  readonly rows: number;
  readonly bytes: number;
  readonly rowFormat?: RowFormat;
  readonly digest?: string;
  /** The range of blocks that it is of. */
  readonly range?: number;
}

/**
 * A compressed frame, in memory or as a stream. The counts of a stream are known after its last
 * byte.
 */
export interface WholeFrame {
  readonly stored: AsyncIterable<Uint8Array> | Uint8Array;
  readonly rowFormat?: RowFormat | undefined;
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

export function packSeries(
  job: Writer & Pick<BackupJob, 'packBytes'>,
  worker: number,
  deps: ShipperDeps,
  extentsMax = EXTENTS_MAX,
): PackSeries {
  let open: OpenPack | undefined;
  let sequence = 0;
  let aborted: { readonly reason: unknown } | undefined;
  const carried = { extents: [] as CarriedExtent[], startedAt: deps.clock() };
  const storeCarried = async () => {
    const { startedAt, extents } = carried;
    if (extents.length === 0) return;
    carried.extents = [];
    carried.startedAt = deps.clock();
    const header = receiptHeader(job, worker, ++sequence);
    const times = { startedAt: startedAt.toISOString(), finishedAt: deps.clock().toISOString() };
    await storeReceipt({ kind: 'carried', ...header, ...times, extents }, deps);
  };
  return {
    async carry(extent) {
      if (aborted !== undefined) throw aborted.reason;
      carried.extents.push(extent);
      if (carried.extents.length >= CARRIED_EXTENTS_MAX) await storeCarried();
    },
    async frame(relation, { stored, rowFormat, counts }) {
      if (aborted !== undefined) throw aborted.reason;
      open ??= openPack(job, worker, ++sequence, deps);
      const offset = open.bytes;
      let crc = 0;
      const place = { key: open.key, offset, rowFormat, relation };
      for await (const chunk of storedFrame(deps.sealing, place, stored)) {
        crc = crc32(chunk, crc);
        await append(open, chunk, deps);
        // The upload has taken it: without this, the memory waits for the garbage collector.
        if (deps.sealing !== undefined) release(chunk);
      }
      const length = open.bytes - offset;
      open.crc = combineCrc32(open.crc, crc, length);
      open.extents.push({ relation, offset, length, ...counts(), crc32: hex(crc) });
      if (open.bytes < job.packBytes && open.extents.length < extentsMax) return;
      const full = open;
      open = undefined;
      await finishPack(full, job, worker, deps);
    },
    async finish() {
      const last = open;
      open = undefined;
      if (last !== undefined) await finishPack(last, job, worker, deps);
      await storeCarried();
    },
    async abort(reason) {
      aborted = { reason };
      const left = open;
      open = undefined;
      left?.handoff.fail(reason);
      await left?.uploaded.catch(() => undefined);
    },
  };
}

function openPack(
  job: Writer,
  worker: number,
  sequence: number,
  { store, clock, signal }: ShipperDeps,
): OpenPack {
  const { timestamp, content, attempt } = job;
  const key = formatKey({ kind: 'pack', timestamp, content, attempt, worker, sequence });
  const passed = handoff();
  const uploaded = store.upload(key, passed.chunks, { signal, ownKey: true });
  // `append` and `finishPack` throw the failure. An upload may fail before it reads a chunk.
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
    // The upload's own error says why it stopped reading.
    await pack.uploaded;
    throw error;
  });
  pack.bytes += chunk.byteLength;
  deps.progress.storedBytes += chunk.byteLength;
}

/** A receipt confirms that its pack is stored, so the pack comes first. */
async function finishPack(
  pack: OpenPack,
  job: Writer,
  worker: number,
  deps: ShipperDeps,
): Promise<void> {
  pack.handoff.end();
  const { etag } = await pack.uploaded;
  await storeReceipt(
    {
      kind: 'pack',
      ...receiptHeader(job, worker, pack.sequence),
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
