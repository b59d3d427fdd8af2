import { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { describeProblem } from '../../../backup-set/base/verdict.ts';
import { Manifest, type ManifestPart } from '../../../backup-set/documents/manifest.ts';
import { hex } from '../../../frame/hex.ts';
import { fileContext } from '../../../frame/seal/context.ts';
import { opening } from '../../../frame/seal/open.ts';
import { openedBytes } from '../../../frame/seal/seal.ts';
import type { SetKeys } from '../../../frame/seal/set-keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { readSetDocument } from '../../../functions/sets/status.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { SourceFiles } from '../../adopt/files/source-files.ts';
import { folderOf } from '../../adopt/gpbackup/names.ts';

const CHUNK_BYTES = 256 * 1024;

export type StoredFile = Pick<
  NonNullable<ManifestPart['files']>[number],
  'key' | 'file' | 'bytes' | 'crc32' | 'keyId'
>;

/** The files of sets, by their paths in the folders of gpbackup. */
export type FilesOfSets = ReadonlyMap<string, FileOfSet>;

export interface FileOfSet extends StoredFile {
  /** The bytes that gpbackup has stored. */
  readonly plainBytes: number;
  /** Absent: it is not sealed. */
  readonly keys?: SetKeys | undefined;
}

/** Proves a set, and gives its keys; undefined when it is not encrypted. */
export type OpenSet = (manifest: Manifest) => Promise<SetKeys | undefined>;

/**
 * The files of a set, and those of the older sets that it needs, as their manifests name them. That
 * of the set itself is not read again: the caller has compared it.
 * @throws StowageError `set/incomplete`, `set/damaged`; as `open`.
 */
export async function filesInSets(deps: Deps, set: Manifest, open: OpenSet): Promise<FilesOfSets> {
  const found = new Map<string, FileOfSet>();
  for (const timestamp of [set.timestamp, ...set.needs]) {
    const document = timestamp === set.timestamp ? set : await manifestOf(deps, timestamp);
    const where = { where: { set: timestamp } };
    if (document === undefined)
      throw new StowageError('set/incomplete', `set ${timestamp} has no manifest`, where);
    const keys = await open(document);
    for (const { content } of document.contents) {
      const part = await readPart(deps, document, content);
      if (!part.ok)
        throw new StowageError(
          'set/damaged',
          `set ${timestamp} is damaged: ${describeProblem(part.failure)}`,
          where,
        );
      for (const stored of part.value.files ?? [])
        found.set(`${folderOf(timestamp)}${stored.file}`, {
          ...stored,
          plainBytes: keys === undefined ? stored.bytes : openedBytes(stored.bytes),
          keys,
        });
    }
  }
  return found;
}

async function manifestOf(deps: Deps, timestamp: string): Promise<Manifest | undefined> {
  return (await readSetDocument(deps, timestamp, 'manifest', Manifest)).document;
}

/** These files as a place. Each is read whole, and must have the bytes that its set has proven. */
export function filesOfSets(store: ObjectStore, files: FilesOfSets): SourceFiles {
  return {
    place: store.url,
    list: (_, below = '') =>
      Promise.resolve(
        [...files]
          .filter(([name]) => name.startsWith(below))
          .map(([name, { plainBytes }]) => ({ name, bytes: plainBytes })),
      ),
    open(name, signal) {
      const stored = files.get(name);
      if (stored === undefined) throw new Error(`no set has the file ${name}`);
      const bytes = checked(store, stored, signal);
      const { key, keyId, keys } = stored;
      const opened = keys === undefined ? bytes : openedFile(keys.of(key, keyId), key, bytes);
      return Promise.resolve(
        Readable.from(opened, {
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

/** The plain bytes of a sealed file. @throws StowageError `set/damaged` naming the file. */
export async function* openedFile(
  key: Uint8Array,
  object: string,
  stored: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* opening(key, fileContext(object), stored);
  } catch (cause) {
    if (!isStowageError(cause, 'set/damaged')) throw cause;
    throw new StowageError('set/damaged', `${object}: ${cause.message}`, {
      cause,
      where: { object },
    });
  }
}
