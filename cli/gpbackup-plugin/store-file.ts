import { createReadStream } from 'node:fs';
import { crc32 } from 'node:zlib';
import { encode, FORMAT_VERSION, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { type FileReceipt, Receipt } from '../../backup-set/documents/receipt.ts';
import type { SealedReceipt } from '../../backup-set/documents/seal.ts';
import { hex } from '../../frame/hex.ts';
import { fileContext } from '../../frame/seal/context.ts';
import { sealing } from '../../frame/seal/seal.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { countingRows } from './count-rows.ts';
import type { Place } from './place.ts';
import type { HostKeys, Sealer } from './sealing/host-keys.ts';

/** What the calls of one resident process share. */
export interface Plugin {
  readonly store: ObjectStore;
  readonly clock: () => Date;
  /** Absent: files are stored as they come. */
  readonly hostKeys?: HostKeys | undefined;
  /** Tells the receipts of this process from those of others of its content. */
  readonly worker: number;
  /** Receipts of this process, by file: the seal of the coordinator need not read them again. */
  readonly stored: Map<string, StoredReceipt>;
}

export interface StoredReceipt {
  readonly receipt: FileReceipt;
  readonly sealed: SealedReceipt;
}

export const ATTEMPT = 1;
const SEQUENCE_MAX = 999_999;
const CHUNK_BYTES = 256 * 1024;

/**
 * Stores a file of gpbackup as it comes, sealed where the host encrypts, and then its receipt. It
 * is not visible before its stream has ended.
 * @throws StowageError `gpbackup/stream`: it ended early; `storage/exists`: it was stored before.
 */
export async function storeFile(
  plugin: Plugin,
  place: Place,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const { name, key, file } = place;
  const startedAt = plugin.clock();
  const sealer = await sealerOf(plugin, place);
  const counting = file?.hasRows === true ? countingRows(name, file.compression) : undefined;
  let counted: Awaited<ReturnType<NonNullable<typeof counting>['end']>> | undefined;
  async function* passing() {
    for await (const chunk of chunks) {
      await counting?.feed(chunk);
      yield chunk;
    }
    // Before the store takes the end of the stream for the end of the file.
    counted = await counting?.end();
  }
  const plain = passing();
  const stored = summed(
    sealer === undefined ? plain : sealing(sealer.key, fileContext(key), plain),
  );
  try {
    const { etag } = await plugin.store.upload(key, stored.chunks, { signal, ownKey: true });
    if (file === undefined) return;
    const { timestamp, content } = file;
    const { bytes, crc } = stored.sums;
    const keyId = sealer && { keyId: sealer.keyId };
    const object = { key, bytes, crc32: hex(crc), ...(etag && { etag }), ...keyId };
    await storeReceipt(plugin, {
      format: 'stowage/receipt',
      version: FORMAT_VERSION,
      timestamp,
      content,
      attempt: ATTEMPT,
      worker: plugin.worker,
      startedAt: startedAt.toISOString(),
      finishedAt: plugin.clock().toISOString(),
      kind: 'file',
      object,
      file: name,
      ...counted,
    });
  } finally {
    counting?.stop();
  }
}

/** Undefined: the host does not encrypt. */
async function sealerOf({ hostKeys }: Plugin, { file, name }: Place): Promise<Sealer | undefined> {
  if (hostKeys === undefined) return undefined;
  if (file !== undefined) return hostKeys.sealerOf(file.timestamp, file.content);
  throw new StowageError(
    'usage/flag',
    `${name} is not a file of a set of gpbackup, so it cannot be encrypted: it was not stored`,
  );
}

/** Sees the bytes as they are stored. */
function summed(source: AsyncIterable<Uint8Array>) {
  const sums = { bytes: 0, crc: 0 };
  async function* chunks() {
    for await (const chunk of source) {
      sums.bytes += chunk.byteLength;
      sums.crc = crc32(chunk, sums.crc);
      yield chunk;
    }
  }
  return { sums, chunks: chunks() };
}

/** As `storeFile`, of a file on this host, which stays. */
export async function storeLocalFile(
  plugin: Plugin,
  place: Place,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    await storeFile(plugin, place, source, signal);
  } finally {
    source.destroy();
  }
}

async function storeReceipt(
  plugin: Plugin,
  unnumbered: Omit<FileReceipt, 'sequence'>,
): Promise<void> {
  const { timestamp, content, attempt, worker, file } = unnumbered;
  for (;;) {
    const sequence = nextSequence(plugin);
    const receipt = { ...unnumbered, sequence };
    const bytes = encode(Receipt, receipt);
    const key = formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence });
    try {
      await plugin.store.create(key, bytes);
    } catch (error) {
      // An earlier process of this host has taken the same number, or an answer was lost.
      if (isStowageError(error, 'storage/exists')) continue;
      throw error;
    }
    plugin.stored.set(file, {
      receipt,
      sealed: { attempt, worker, sequence, sha256: sha256(bytes) },
    });
    return;
  }
}

const sequences = new WeakMap<Plugin, number>();

function nextSequence(plugin: Plugin): number {
  const next = ((sequences.get(plugin) ?? 0) % SEQUENCE_MAX) + 1;
  sequences.set(plugin, next);
  return next;
}
