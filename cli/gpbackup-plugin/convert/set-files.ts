import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { describeProblem } from '../../../backup-set/base/verdict.ts';
import { Manifest, type ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { hex } from '../../../frame/hex.ts';
import type { Deps } from '../../../functions/deps.ts';
import { readSetDocument } from '../../../functions/sets/status.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { SourceFiles } from '../../adopt/files/source-files.ts';
import { folderOf } from '../../adopt/gpbackup/names.ts';

const CHUNK_BYTES = 256 * 1024;

export type StoredFile = Pick<
  NonNullable<ManifestPart['files']>[number],
  'key' | 'file' | 'bytes' | 'crc32'
>;

/** The files of a set, by their paths in the folders of gpbackup. */
export type FilesOfSets = ReadonlyMap<string, StoredFile>;

/**
 * The files that complete sets name in their manifests.
 * @throws StowageError `set/incomplete`, `set/damaged`.
 */
export async function filesInSets(deps: Deps, timestamps: readonly string[]): Promise<FilesOfSets> {
  const found = new Map<string, StoredFile>();
  for (const timestamp of timestamps) {
    const { document } = await readSetDocument(deps, timestamp, 'manifest', Manifest);
    const where = { where: { set: timestamp } };
    if (document === undefined)
      throw new StowageError('set/incomplete', `set ${timestamp} has no manifest`, where);
    for (const { content } of document.contents) {
      const part = await readPart(deps, document, content);
      if (!part.ok)
        throw new StowageError(
          'set/damaged',
          `set ${timestamp} is damaged: ${describeProblem(part.failure)}`,
          where,
        );
      for (const stored of part.value.files ?? [])
        found.set(`${folderOf(timestamp)}${stored.file}`, stored);
    }
  }
  return found;
}

/** These files as a place. Each is read whole, and must have the bytes that its set has proven. */
export function filesOfSets(store: ObjectStore, files: FilesOfSets): SourceFiles {
  return {
    place: store.url,
    list: (_, below = '') =>
      Promise.resolve(
        [...files]
          .filter(([name]) => name.startsWith(below))
          .map(([name, { bytes }]) => ({ name, bytes })),
      ),
    open(name, signal) {
      const stored = files.get(name);
      if (stored === undefined) throw new Error(`no set has the file ${name}`);
      return Promise.resolve(
        Readable.from(checked(store, stored, signal), {
          objectMode: false,
          highWaterMark: CHUNK_BYTES,
        }),
      );
    },
    // The store belongs to the caller.
    close: () => Promise.resolve(),
  };
}

/** @throws StowageError `storage/changed` behind the last byte, when the CRC-32 differs. */
export async function* checked(
  store: ObjectStore,
  { key, crc32: proven }: Pick<StoredFile, 'key' | 'crc32'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let sum = 0;
  for await (const chunk of store.get(key, { signal })) {
    sum = crc32(chunk, sum);
    yield chunk;
  }
  if (hex(sum) !== proven)
    throw new StowageError(
      'storage/changed',
      `${key} has changed since the backup: its CRC-32 is ${hex(sum)} instead of ${proven}`,
    );
}
