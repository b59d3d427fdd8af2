import { createDecipheriv } from 'node:crypto';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { SealContext } from './context.ts';
import { objectKey } from './derive.ts';
import { CHUNK_BYTES, nonceOf, SALT_BYTES, TAG_BYTES } from './seal.ts';

/** How messages of this module begin. */
export const UNSEALED = 'the object cannot be decrypted';

export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

/**
 * The plain bytes of a sealed object in memory.
 * @throws StowageError `set/damaged` when it is not exactly what was sealed with this key for this
 * place: damaged, truncated, moved, or of another set.
 */
export function open(key: Uint8Array, context: SealContext, sealed: Uint8Array): Buffer {
  const opener = openChunks(key, context, sealed.subarray(0, SALT_BYTES));
  const length = sealed.byteLength - SALT_BYTES;
  const chunks = Math.max(1, Math.ceil(length / SEALED_CHUNK_BYTES));
  if (length - (chunks - 1) * SEALED_CHUNK_BYTES < TAG_BYTES) throw notSealed('it is truncated');
  const plain = Buffer.allocUnsafeSlow(length - chunks * TAG_BYTES);
  let at = 0;
  for (let from = SALT_BYTES, number = 0; number < chunks; from += SEALED_CHUNK_BYTES, number++) {
    const chunk = opener(
      number,
      sealed.subarray(from, from + SEALED_CHUNK_BYTES),
      number === chunks - 1,
    );
    plain.set(chunk, at);
    at += chunk.byteLength;
  }
  return plain;
}

/** As `open`, for an object that does not fit into memory. Yields only bytes that are proven. */
export async function* opening(
  key: Uint8Array,
  context: SealContext,
  sealed: AsyncIterable<Uint8Array>,
): AsyncGenerator<Buffer> {
  const held = Buffer.allocUnsafeSlow(SEALED_CHUNK_BYTES);
  let wanted = SALT_BYTES;
  let filled = 0;
  let opener: ChunkOpener | undefined;
  let number = 0;
  for await (const some of sealed) {
    for (let from = 0; from < some.byteLength; ) {
      // A full chunk is opened when more follows: only then it is known not to be the last one.
      if (filled === wanted) {
        if (opener === undefined) opener = openChunks(key, context, held.subarray(0, SALT_BYTES));
        else yield opener(number++, held.subarray(0, filled), false);
        wanted = SEALED_CHUNK_BYTES;
        filled = 0;
      }
      const take = Math.min(wanted - filled, some.byteLength - from);
      held.set(some.subarray(from, from + take), filled);
      filled += take;
      from += take;
    }
  }
  if (opener === undefined) throw notSealed('it ends before its first chunk');
  yield opener(number, held.subarray(0, filled), true);
}

/**
 * The plain bytes of a chunk of a sealed object.
 * @throws StowageError `set/damaged` when it is not the chunk of this number, or last or not.
 */
export type ChunkOpener = (number: number, sealed: Uint8Array, isLast: boolean) => Buffer;

/** Opens the chunks of one sealed object, in any order. @param salt its first bytes. */
export function openChunks(key: Uint8Array, context: SealContext, salt: Uint8Array): ChunkOpener {
  if (salt.byteLength < SALT_BYTES) throw notSealed('it is shorter than its salt');
  const own = objectKey(key, salt);
  return (number, sealed, isLast) => {
    const end = sealed.byteLength - TAG_BYTES;
    if (end < 0) throw notSealed('it is truncated');
    const decipher = createDecipheriv('aes-256-gcm', own, nonceOf(number, isLast), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(context);
    decipher.setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch (cause) {
      throw notSealed(
        'its bytes are not those that were sealed with the key of this content for this place',
        cause,
      );
    }
    return plain;
  };
}

function notSealed(message: string, cause?: unknown): StowageError {
  return new StowageError('set/damaged', `${UNSEALED}: ${message}`, { cause });
}
