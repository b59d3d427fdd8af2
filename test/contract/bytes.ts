import { createHash, randomBytes } from 'node:crypto';

export const text = (words: string) => Buffer.from(words);

/** Bytes that compress badly and repeat nowhere near a part border. */
export const someBytes = (count: number) => randomBytes(count);

/** Hands out one buffer again and again, as a source with a buffer of its own does: who keeps a chunk gets rubbish. */
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
