import { promisify } from 'node:util';
import { crc32, zstdDecompress } from 'node:zlib';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import { hex } from '../../frame/hex.ts';
import type { ObjectStore } from '../../storage/store.ts';

/** As metadata.ts bounds it when writing. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;

const decompress = promisify(zstdDecompress);

/**
 * A compressed text of the metadata, whole, as the manifest says it was.
 * @throws StowageError `set/damaged`, also for one that grows past all that was ever written.
 */
export async function readText(
  store: ObjectStore,
  { key, bytes, crc32: wanted }: ObjectRef,
  { signal }: { readonly signal: AbortSignal },
): Promise<Buffer> {
  // Nothing grows by being compressed, but for a few bytes per block.
  if (bytes > 2 * TEXT_BYTES_MAX) throw damaged(`no text has ${bytes} bytes`, key, 0);
  const compressed = Buffer.from(await store.read(key, { bytesMax: bytes, signal }));
  requireCrc(crc32(compressed), wanted, key, 0);
  try {
    return await decompress(compressed, { maxOutputLength: TEXT_BYTES_MAX });
  } catch (cause) {
    throw damaged('the text cannot be decompressed', key, 0, cause);
  }
}

/** Throws when the stored bytes are not the ones the manifest describes. */
export function requireCrc(found: number, wanted: string, object: string, offset: number): void {
  if (hex(found) === wanted) return;
  throw damaged(
    `stored bytes have CRC-32 ${hex(found)}, the manifest says ${wanted}`,
    object,
    offset,
  );
}

export function damaged(
  message: string,
  object: string,
  offset: number,
  cause?: unknown,
): StowageError {
  return new StowageError('set/damaged', `${object} at byte ${offset}: ${message}`, {
    cause,
    where: { object, offset },
  });
}
