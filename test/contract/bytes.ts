import { createHash, randomBytes } from 'node:crypto';

export const text = (words: string) => Buffer.from(words);

/** Random bytes: a part in the wrong place or sent twice changes the digest. */
export const someBytes = (count: number) => randomBytes(count);

/** A source that reuses one buffer for all chunks: a store that keeps a chunk gets wrong bytes. */
export async function* reusing(
  content: Uint8Array,
  chunkBytes: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.alloc(chunkBytes);
  for (let at = 0; at < content.length; at += chunkBytes) {
    const piece = content.subarray(at, at + chunkBytes);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    buffer.fill(0xee);
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
