import { DOCUMENT_BYTES_MAX, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Deps } from '../deps.ts';

export interface Saved {
  /** False when another writer was first. */
  readonly created: boolean;
  /** The stored bytes: those of this call, or of the writer that was first. */
  readonly bytes: Uint8Array;
}

/** Creates an object; if it exists already, reads what the first writer wrote. */
export async function createOrRead(deps: Deps, key: string, bytes: Uint8Array): Promise<Saved> {
  try {
    await deps.store.create(key, bytes, { signal: deps.signal });
    return { created: true, bytes };
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    const options = { signal: deps.signal, bytesMax: DOCUMENT_BYTES_MAX };
    return { created: false, bytes: await deps.store.read(key, options) };
  }
}

/**
 * Creates an object whose bytes are determined, so that every writer writes the same.
 * @returns whether this call created it.
 * @throws StowageError `set/damaged` when it exists with other bytes: two programs got different
 * results from the same documents.
 */
export async function createSame(deps: Deps, key: string, bytes: Uint8Array): Promise<boolean> {
  const saved = await createOrRead(deps, key, bytes);
  if (saved.created || Buffer.compare(saved.bytes, bytes) === 0) return saved.created;
  const [stored, ours] = [saved.bytes, bytes].map(
    (some) => `${plural(some.length, 'byte')}, SHA-256 ${sha256(some)}`,
  );
  throw new StowageError(
    'set/damaged',
    `${key} exists with other bytes (${stored}) than the documents of the set give (${ours})`,
    { where: { object: key } },
  );
}
