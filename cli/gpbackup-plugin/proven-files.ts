import { StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { FileName } from '../../backup-set/files/names.ts';
import { fileContext } from '../../frame/seal/context.ts';
import { type ByteRange, openRanges } from '../../frame/seal/open-range.ts';
import type { Deps } from '../../functions/deps.ts';
import { readSetDocument } from '../../functions/sets/status.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import type { CallOptions } from '../../storage/store.ts';
import { checked, openedFile, type StoredFile } from './convert/set-files.ts';
import type { Place } from './place.ts';
import { type BoundSets, requireBound } from './restoring/bound-sets.ts';
import type { FileKeys } from './sealing/file-keys.ts';

interface FilesOfContent {
  readonly manifest: Manifest;
  readonly files: ReadonlyMap<string, StoredFile>;
}

/** A file, and what its manifest says of it: undefined when the set has no manifest. */
interface Found {
  readonly stored: StoredFile | undefined;
  /** Undefined: it is not sealed. */
  readonly key: Buffer | undefined;
}

/** Of a restore, a host reads the files of few contents; an increment also those of older sets. */
const CONTENTS_KEPT_MAX = 256;

/** Reads stored files, opens them, and compares them with what the functions have proven. */
export interface ProvenFiles {
  /**
   * The bytes of a file. Without a manifest, nothing is proven.
   * @throws StowageError `storage/changed` behind the last byte; `set/damaged`;
   * `encryption/no-identity`, `encryption/plain-set`.
   */
  read(place: Place, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Parts of a file, one after the other. Of a plain file they are not compared. */
  readRanges(
    place: Place,
    ranges: readonly ByteRange[],
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** Stored bytes of a file, as its manifest says; undefined without a manifest. */
  sizeOf(place: Place): Promise<number | undefined>;
}

interface Proving {
  readonly keys: FileKeys;
  readonly bound: BoundSets;
  /** Refuses plain sets: the operator says that all of them are encrypted. */
  readonly mustBeSealed: boolean;
}

export function provenFiles(deps: Deps, { keys, bound, mustBeSealed }: Proving): ProvenFiles {
  const kept = new Map<string, Promise<FilesOfContent | undefined>>();
  const filesOf = ({ timestamp, content }: FileName) => {
    const of = `${timestamp}/${content}`;
    const known = kept.get(of);
    if (known !== undefined) return known;
    if (kept.size >= CONTENTS_KEPT_MAX) kept.clear();
    const reading = filesInManifest(deps, timestamp, content);
    kept.set(of, reading);
    // The next call tries again.
    reading.catch(() => kept.delete(of));
    return reading;
  };
  const find = async ({ key, file }: Place): Promise<Found> => {
    if (file === undefined) return { stored: undefined, key: undefined };
    const place = { ...file, key };
    const known = await filesOf(file);
    const stored = known?.files.get(key);
    if (known !== undefined && stored === undefined)
      throw new StowageError('storage/not-found', `the manifest of the set has no ${key}`);
    const bindings = await bound.of(file);
    if (known !== undefined) requireBound(bindings, known.manifest);
    const only = bindings.find(({ hostKeys }) => hostKeys !== undefined)?.hostKeys;
    const found = known && stored;
    const opens = found
      ? await keys.of(place, known.manifest, found)
      : await keys.fitting(place, only);
    if (opens === undefined && (mustBeSealed || bindings.length > 0))
      throw plainSet(file.timestamp);
    return { stored, key: opens };
  };
  return {
    async *read(place, signal) {
      const { stored, key } = await find(place);
      const bytes =
        stored === undefined
          ? deps.store.get(place.key, { signal })
          : checked(deps.store, stored, signal);
      yield* key === undefined ? bytes : openedFile(key, place.key, bytes);
    },
    async *readRanges(place, ranges, signal) {
      const { stored, key } = await find(place);
      const get = (range: ByteRange) => deps.store.get(place.key, { signal, ...range });
      if (key === undefined) {
        for (const range of ranges) if (range.length > 0) yield* get(range);
        return;
      }
      const bytes = stored?.bytes ?? (await sizeInStore(deps, place, { signal }));
      yield* openRanges({ key, context: fileContext(place.key), bytes, get }, ranges);
    },
    async sizeOf({ key, file }) {
      return file && (await filesOf(file))?.files.get(key)?.bytes;
    },
  };
}

async function sizeInStore({ store }: Deps, { key }: Place, options: CallOptions): Promise<number> {
  const stored = await store.head(key, options);
  if (stored !== undefined) return stored.bytes;
  throw new StowageError('storage/not-found', `${key} is not stored`, { where: { object: key } });
}

function plainSet(timestamp: string): StowageError {
  return new StowageError(
    'encryption/plain-set',
    `set ${timestamp} is not encrypted, and the plugin configuration ("encryption: on") or an encryption section of stowage.yaml says that sets are: gprestore reads it with "encryption: off" in the options of the plugin configuration, and an increment needs a full backup first`,
    { where: { set: timestamp } },
  );
}

async function filesInManifest(
  deps: Deps,
  timestamp: string,
  content: number,
): Promise<FilesOfContent | undefined> {
  const { exists, document } = await readSetDocument(deps, timestamp, 'manifest', Manifest);
  if (!exists) return undefined;
  const part = document && (await readPart(deps, document, content));
  if (part?.ok !== true)
    throw new StowageError(
      'set/damaged',
      `set ${timestamp}: ${part === undefined ? 'its manifest cannot be read' : describeProblem(part.failure)}`,
      { where: { set: timestamp } },
    );
  const files = new Map((part.value.files ?? []).map((stored) => [stored.key, stored]));
  return { manifest: document as Manifest, files };
}
