import { StowageError } from '../../backup-set/base/errors.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../../functions/deps.ts';
import { readSetDocument } from '../../functions/sets/status.ts';
import { readPart } from '../../functions/stored/read-part.ts';
import { checked, type StoredFile } from './convert/set-files.ts';
import type { Place } from './place.ts';

type FilesOfContent = ReadonlyMap<string, StoredFile>;

/** Of a restore, a host reads the files of few contents; an increment also those of older sets. */
const CONTENTS_KEPT_MAX = 256;

/** Reads stored files, and compares them with what the functions have proven. */
export interface ProvenFiles {
  /**
   * The bytes of a file. Without a manifest, nothing is proven, and they come as they are stored.
   * @throws StowageError `storage/changed` behind the last byte; `set/damaged`.
   */
  read(place: Place, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

export function provenFiles(deps: Deps): ProvenFiles {
  const kept = new Map<string, Promise<FilesOfContent | undefined>>();
  const filesOf = (timestamp: string, content: number) => {
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
  return {
    async *read({ key, file }, signal) {
      const files = file && (await filesOf(file.timestamp, file.content));
      if (files === undefined) {
        yield* deps.store.get(key, { signal });
        return;
      }
      const stored = files.get(key);
      if (stored === undefined)
        throw new StowageError('storage/not-found', `the manifest of the set has no ${key}`);
      yield* checked(deps.store, stored, signal);
    },
  };
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
  return new Map((part.value.files ?? []).map((stored) => [stored.key, stored]));
}
