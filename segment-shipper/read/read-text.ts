import { promisify } from 'node:util';
import { crc32, zstdDecompress } from 'node:zlib';
import { count } from '../../backup-set/base/words.ts';
import type { ObjectRef } from '../../backup-set/documents/receipt.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { damaged, requireCrc } from './damage.ts';
import { type FileOptions, openFile } from './opens.ts';

/** The backup writes no longer text: TEXT_BYTES_MAX of backup/metadata.ts. */
const TEXT_BYTES_MAX = 64 * 1024 * 1024;

const decompress = promisify(zstdDecompress);

/**
 * Reads and decompresses a text of the metadata.
 * @throws StowageError `set/damaged` when the bytes differ from the manifest, or when the text is
 * longer than a backup writes.
 */
export async function readText(
  store: ObjectStore,
  { key, bytes, crc32: wanted }: ObjectRef,
  { signal, keys }: Pick<FileOptions, 'signal' | 'keys'>,
): Promise<Buffer> {
  // Compression adds at most a few bytes per block, so a larger object cannot be such a text.
  if (bytes > 2 * TEXT_BYTES_MAX)
    throw damaged(
      `the manifest gives this text ${count(bytes)} bytes; at most ${count(2 * TEXT_BYTES_MAX)} are possible`,
      key,
      0,
    );
  const stored = Buffer.from(await store.read(key, { bytesMax: bytes, signal }));
  requireCrc(crc32(stored), wanted, key, 0);
  const compressed = keys === undefined ? stored : openFile(keys, key, stored);
  try {
    return await decompress(compressed, { maxOutputLength: TEXT_BYTES_MAX });
  } catch (cause) {
    throw damaged('the text cannot be decompressed', key, 0, cause);
  }
}
