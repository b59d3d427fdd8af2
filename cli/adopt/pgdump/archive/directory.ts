import { UnsoundScript } from '../../script/unsound.ts';
import { bytesOf } from '../bytes.ts';
import { type Compression, compressionOf, decompressed } from '../compressed/decompressed.ts';
import type { Archive, ArchiveItem, LargeObject } from './archive.ts';
import { readRawToc } from './raw-toc.ts';
import { oidsIn } from './tar.ts';

/** The files of a directory archive. */
export interface ArchiveFiles {
  /** Names within the directory. */
  readonly names: ReadonlySet<string>;
  open(name: string): AsyncIterable<Buffer>;
}

const ENDINGS = ['', '.gz', '.lz4', '.zst'] as const;
const OBJECT = /^blob_\d+\.dat(?:\.gz|\.lz4|\.zst)?$/;
const BY_ENDING = { '': 'none', '.gz': 'gzip', '.lz4': 'lz4', '.zst': 'zstd' } as const;

/** An archive in the directory format. */
export async function directoryArchive(files: ArchiveFiles): Promise<Archive> {
  const { toc } = await readRawToc(bytesOf(files.open('toc.dat')), ['directory', 'tar']);
  const read = (file: string) => {
    const ending = ENDINGS.find((one) => files.names.has(`${file}${one}`));
    if (ending === undefined) throw new UnsoundScript(`the file ${file} of the archive is missing`);
    const stored = files.open(`${file}${ending}`);
    const compression = BY_ENDING[ending];
    const data = file.startsWith('blob_')
      ? objectIn(stored, compression)
      : decompressed(stored, compression);
    return naming(data, `${file}${ending}`);
  };

  const unlisted = new Set([...files.names].filter((name) => OBJECT.test(name)));
  async function* objectsOf(list: string): AsyncGenerator<LargeObject> {
    // Older programs compress the list, newer ones do not; its name is the same.
    const bytes = bytesOf(files.open(list));
    const text = decompressed(bytes.rest(), await compressionOf(bytes));
    for (const oid of await oidsIn(naming(text, list))) {
      for (const ending of ENDINGS) unlisted.delete(`blob_${oid}.dat${ending}`);
      yield { oid, data: read(`blob_${oid}.dat`) };
    }
  }

  async function* items(): AsyncGenerator<ArchiveItem> {
    for (const entry of toc.entries) {
      if (!entry.hasData || entry.file === undefined) continue;
      if (/^blobs(?:_\d+)?\.toc$/.test(entry.file))
        yield { kind: 'large-objects', entry, objects: objectsOf(entry.file) };
      else yield { kind: 'rows', entry, data: read(entry.file) };
    }
    // The list is a text without an end of its own.
    const [lost] = unlisted;
    if (lost !== undefined)
      throw new UnsoundScript(`no list of large objects names ${lost}: its end is cut off`);
  }
  return { toc, hasOwnFiles: true, items };
}

/** With zstd and lz4, pg_dump writes no frame for a large object without bytes. */
async function* objectIn(
  stored: AsyncIterable<Buffer>,
  compression: Compression,
): AsyncGenerator<Buffer> {
  const bytes = bytesOf(stored);
  const isEmpty = (await bytes.peek(1)).length === 0;
  if (isEmpty && (compression === 'zstd' || compression === 'lz4')) return;
  yield* decompressed(bytes.rest(), compression);
}

/** An archive has many files: says which one is not sound. */
async function* naming(chunks: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  try {
    yield* chunks;
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    throw new UnsoundScript(`${file}: ${error.message}`);
  }
}
