import { type CipherGCM, createCipheriv, randomBytes } from 'node:crypto';
import type { SealContext } from './context.ts';
import { objectKey } from './derive.ts';

/** Bytes of plain text in a chunk; only the last chunk has fewer. */
export const CHUNK_BYTES = 1024 * 1024;
export const SALT_BYTES = 32;
export const TAG_BYTES = 16;
const NONCE_BYTES = 12;

/** How long an object of so many bytes is when it is sealed. */
export function sealedBytes(bytes: number): number {
  return SALT_BYTES + bytes + TAG_BYTES * Math.max(1, Math.ceil(bytes / CHUNK_BYTES));
}

/** How many bytes an object of so many has when it is opened. */
export function openedBytes(sealed: number): number {
  const bytes = sealed - SALT_BYTES;
  return bytes - TAG_BYTES * Math.max(1, Math.ceil(bytes / (CHUNK_BYTES + TAG_BYTES)));
}

/**
 * Seals bytes in memory: salt, then chunks in AES-256-GCM (docs/format.md, Sealed objects).
 * @param key of the content.
 */
export function seal(key: Uint8Array, context: SealContext, plain: Uint8Array): Buffer {
  return Buffer.concat([...sealedPieces(key, context, plain)]);
}

/** As `seal`, in pieces that follow each other: a large frame is not copied once more. */
export function* sealedPieces(
  key: Uint8Array,
  context: SealContext,
  plain: Uint8Array,
): Generator<Buffer> {
  const sealer = sealChunks(key, context);
  yield sealer.salt;
  let from = 0;
  do {
    const chunk = plain.subarray(from, from + CHUNK_BYTES);
    from += CHUNK_BYTES;
    yield* sealer.chunk(chunk, from >= plain.byteLength);
  } while (from < plain.byteLength);
}

/** As `seal`, for bytes that do not fit into memory. */
export async function* sealing(
  key: Uint8Array,
  context: SealContext,
  plain: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const sealer = sealChunks(key, context);
  yield sealer.salt;
  // A full chunk is sealed when more follows: only then it is known not to be the last one.
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let filled = 0;
  for await (const some of plain) {
    for (let from = 0; from < some.byteLength; ) {
      if (filled === CHUNK_BYTES) {
        yield* sealer.chunk(chunk, false);
        filled = 0;
      }
      const take = Math.min(CHUNK_BYTES - filled, some.byteLength - from);
      chunk.set(some.subarray(from, from + take), filled);
      filled += take;
      from += take;
    }
  }
  yield* sealer.chunk(chunk.subarray(0, filled), true);
}

function sealChunks(key: Uint8Array, context: SealContext) {
  const salt = randomBytes(SALT_BYTES);
  const own = objectKey(key, salt);
  let number = 0;
  return {
    salt,
    /** Sealed bytes and tag. */
    chunk(plain: Uint8Array, isLast: boolean): [Buffer, Buffer] {
      const cipher: CipherGCM = createCipheriv('aes-256-gcm', own, nonceOf(number++, isLast));
      cipher.setAAD(context);
      const sealed = cipher.update(plain);
      cipher.final();
      return [sealed, cipher.getAuthTag()];
    },
  };
}

/** The number of the chunk, and whether it is the last: no chunk opens in another place. */
export function nonceOf(number: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUIntBE(number, NONCE_BYTES - 1 - 6, 6);
  nonce[NONCE_BYTES - 1] = isLast ? 1 : 0;
  return nonce;
}
