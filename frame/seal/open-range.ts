import type { SealContext } from './context.ts';
import { type ChunkOpener, openChunks, SEALED_CHUNK_BYTES } from './open.ts';
import { CHUNK_BYTES, SALT_BYTES } from './seal.ts';

/** Bytes of an object or of its plain text, from `offset` on. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A sealed object in a store. */
export interface SealedObject {
  readonly key: Uint8Array;
  readonly context: SealContext;
  /** Stored bytes. */
  readonly bytes: number;
  /** Reads stored bytes. */
  get(range: ByteRange): AsyncIterable<Uint8Array>;
}

interface Chunk {
  readonly number: number;
  readonly plain: Buffer;
}

/**
 * Plain bytes of ranges of a sealed object, one after the other; none behind its end. It reads and
 * opens the chunks in which they lie, and no others: each chunk proves itself and its place.
 * @throws StowageError `set/damaged`
 */
export async function* openRanges(
  object: SealedObject,
  ranges: Iterable<ByteRange>,
): AsyncGenerator<Uint8Array> {
  const chunks = await chunksOf(object);
  // Ranges of small tables share chunks.
  let held: Chunk | undefined;
  for (const { offset, length } of ranges) {
    if (length === 0) continue;
    const end = offset + length;
    const pieceOf = ({ number, plain }: Chunk) => {
      const begin = number * CHUNK_BYTES;
      return plain.subarray(Math.max(0, offset - begin), Math.max(0, end - begin));
    };
    let first = Math.floor(offset / CHUNK_BYTES);
    if (held?.number === first) {
      yield pieceOf(held);
      first += 1;
    }
    for await (held of chunks(first, Math.floor((end - 1) / CHUNK_BYTES))) yield pieceOf(held);
  }
}

/** Reads chunks from the first to the last of a run, as far as the object has them. */
async function chunksOf({ key, context, bytes, get }: SealedObject) {
  const salt = Buffer.concat(await Array.fromAsync(get({ offset: 0, length: SALT_BYTES })));
  const open: ChunkOpener = openChunks(key, context, salt);
  const newest = Math.max(1, Math.ceil((bytes - SALT_BYTES) / SEALED_CHUNK_BYTES)) - 1;
  const storedAt = (chunk: number) => Math.min(SALT_BYTES + chunk * SEALED_CHUNK_BYTES, bytes);
  return async function* (first: number, last: number): AsyncGenerator<Chunk> {
    let number = first;
    const end = Math.min(last, newest);
    if (number > end) return;
    const offset = storedAt(first);
    const sealed = Buffer.allocUnsafeSlow(SEALED_CHUNK_BYTES);
    let filled = 0;
    for await (const some of get({ offset, length: storedAt(end + 1) - offset }))
      for (let from = 0; from < some.byteLength && number <= end; ) {
        const size = storedAt(number + 1) - storedAt(number);
        const taken = some.subarray(from, from + size - filled);
        sealed.set(taken, filled);
        filled += taken.byteLength;
        from += taken.byteLength;
        if (filled < size) continue;
        const plain = open(number, sealed.subarray(0, filled), number === newest);
        yield { number, plain };
        number += 1;
        filled = 0;
      }
    // The object is shorter than its receipt says.
    if (number <= end) open(number, sealed.subarray(0, filled), number === newest);
  };
}
