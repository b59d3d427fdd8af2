import { DOCUMENT_BYTES_MAX, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { Deps } from '../deps.ts';

export interface Saved {
  /** False when another writer was first. */
  readonly created: boolean;
  /** What is stored now: ours, or the winner's. */
  readonly bytes: Uint8Array;
}

/** Creates an object; of racing writers the loser reads and goes on with what the winner wrote. */
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
 * Creates an object whose bytes are determined: whoever else writes it must write the same.
 * @returns whether this call created it.
 * @throws StowageError `set/damaged` when other bytes are there: two programs disagree about the same documents.
 */
export async function createSame(deps: Deps, key: string, bytes: Uint8Array): Promise<boolean> {
  const saved = await createOrRead(deps, key, bytes);
  if (saved.created || Buffer.compare(saved.bytes, bytes) === 0) return saved.created;
  const [stored, ours] = [saved.bytes, bytes].map(
    (some) => `${some.length} bytes, sha256 ${sha256(some)}`,
  );
  throw new StowageError(
    'set/damaged',
    `${key} exists with different content (${stored}); the documents of the set give ${ours}`,
    { where: { object: key } },
  );
}
