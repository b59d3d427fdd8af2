import { crc32 } from 'node:zlib';
import type { ObjectRef } from '../../../backup-set/documents/receipt.ts';
import { type ArchiveHeader, readToc, type TocEntry } from '../../../database/objects/toc.ts';
import { requireCrc } from '../../../segment-shipper/read/damage.ts';
import { type FileOptions, fileBytes } from '../../../segment-shipper/read/opens.ts';
import type { ObjectStore } from '../../../storage/store.ts';

type ArchiveOptions = Pick<FileOptions, 'signal' | 'keys'>;

/**
 * The entries of a stored archive. Reads the rest of the archive too, and compares its checksum: an
 * archive of definitions is hardly longer than its table of contents.
 * @throws StowageError `set/damaged`, `set/unreadable`.
 */
export async function* checkedEntries(
  store: ObjectStore,
  { key, crc32: wanted }: ObjectRef,
  options: ArchiveOptions,
  onHeader?: (header: ArchiveHeader) => void,
): AsyncGenerator<TocEntry> {
  let crc = 0;
  const onStored = (chunk: Uint8Array) => {
    crc = crc32(chunk, crc);
  };
  const { signal, keys } = options;
  const chunks = fileBytes(store, key, { signal, keys, onStored })[Symbol.asyncIterator]();
  const next = () => chunks.next();
  try {
    // Without `return`, the reader of the entries does not end the stream.
    yield* readToc({ [Symbol.asyncIterator]: () => ({ next }) }, key, onHeader);
    for (let ended = false; !ended; ) ended = (await next()).done === true;
    requireCrc(crc, wanted, key, 0);
  } finally {
    await chunks.return?.();
  }
}

/** The entries of an archive, from its front alone: the data behind them can be long. */
export function frontEntries(
  store: ObjectStore,
  { key }: ObjectRef,
  { signal, keys }: ArchiveOptions,
  onHeader?: (header: ArchiveHeader) => void,
): AsyncGenerator<TocEntry> {
  return readToc(fileBytes(store, key, { signal, keys }), key, onHeader);
}

/** The oids of the large objects of an archive. */
export async function* largeObjectOids(
  store: ObjectStore,
  archive: ObjectRef,
  options: ArchiveOptions,
): AsyncGenerator<string> {
  for await (const { kind, name = '', definition } of frontEntries(store, archive, options)) {
    if (kind === 'BLOB') yield name;
    // Since PostgreSQL 17, one entry has many.
    if (kind === 'BLOB METADATA') yield* definition().split('\n').filter(Boolean);
  }
}
