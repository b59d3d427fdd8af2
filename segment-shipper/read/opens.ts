import type { Name } from '../../backup-set/base/document.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { SourceExtent } from '../../backup-set/documents/restore/restore.ts';
import { fileOpener, frameOpener } from '../../frame/seal/opener.ts';
import type { SetKeys } from '../../frame/seal/set-keys.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { damaged } from './damage.ts';

/** What opens the frames of one relation of an encrypted set. */
export interface Opens {
  readonly keys: SetKeys;
  /** Its name in the set. */
  readonly relation: Name;
}

/** A relation to load; `source` is its name in the set, where it gets another one. */
type Named = Name & { readonly source?: Name };

/** Nothing, when the set is not encrypted. */
export function opensFor(keys: SetKeys | undefined, relation: Named): { readonly opens?: Opens } {
  const { schema, name } = relation.source ?? relation;
  return keys === undefined ? {} : { opens: { keys, relation: { schema, name } } };
}

/** The compressed frame in stored bytes. @throws StowageError `set/damaged`, `encryption/no-key` */
export function openFrame(opens: Opens | undefined, extent: SourceExtent, stored: Buffer): Buffer {
  if (opens === undefined) return stored;
  return frameOpener(opens.keys, extent, opens.relation).whole(stored);
}

/** As `openFrame`, for a frame that does not fit into memory. */
export function openLongFrame(
  opens: Opens | undefined,
  extent: SourceExtent,
  stored: AsyncIterable<Uint8Array>,
): AsyncIterable<Uint8Array> {
  if (opens === undefined) return stored;
  return frameOpener(opens.keys, extent, opens.relation).long(stored);
}

export interface FileOptions {
  readonly signal: AbortSignal;
  readonly keys?: SetKeys | undefined;
  /** Sees the bytes as they are stored, for their checksum. */
  readonly onStored?: (chunk: Uint8Array) => void;
}

/**
 * The content of a metadata file. Not checked against the manifest; of an encrypted set it cannot
 * be of another file.
 */
export function fileBytes(
  store: ObjectStore,
  key: string,
  { signal, keys, onStored }: FileOptions,
): AsyncIterable<Uint8Array> {
  const got = store.get(key, { signal });
  const stored = onStored === undefined ? got : seen(got, onStored);
  return keys === undefined ? stored : openedFile(keys, key, stored);
}

async function* openedFile(
  keys: SetKeys,
  key: string,
  stored: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* fileOpener(keys, key).long(stored);
  } catch (cause) {
    throw named(cause, key);
  }
}

/** Failures of the store name the object already. */
function named(cause: unknown, key: string): unknown {
  const isUnnamed = isStowageError(cause, 'set/damaged') && cause.where.object === undefined;
  return isUnnamed ? damaged(messageOf(cause), key, 0, cause) : cause;
}

/** As `fileBytes`, of a file in memory. */
export function openFile(keys: SetKeys, key: string, stored: Uint8Array): Buffer {
  try {
    return fileOpener(keys, key).whole(stored);
  } catch (cause) {
    throw named(cause, key);
  }
}

async function* seen(
  chunks: AsyncIterable<Uint8Array>,
  visit: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    visit(chunk);
    yield chunk;
  }
}
