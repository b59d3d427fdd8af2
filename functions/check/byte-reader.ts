import { crc32 } from 'node:zlib';

/** Cuts a stream into the pieces that somebody else named, and keeps count and digest of all of it. */
export interface ByteReader {
  /** The next `bytes` bytes in one buffer; fewer at the end of the stream. */
  take(bytes: number): Promise<Buffer>;
  /** The next `bytes` bytes as they come; fewer at the end. What is left unread when the loop ends stays there. */
  stream(bytes: number): AsyncGenerator<Uint8Array>;
  /** Passes over the next `bytes` bytes, at most to the end. */
  skip(bytes: number): Promise<void>;
  /** Bytes taken, passed or skipped so far. */
  position(): number;
  /** CRC-32 of all bytes that have come out of the stream. */
  crc(): number;
  close(): Promise<void>;
}

export function readBytes(
  source: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array();
  let digest = 0;
  let position = 0;

  /** Up to `bytes` of what is at hand, reading on when nothing is; undefined at the end. */
  async function some(bytes: number): Promise<Uint8Array | undefined> {
    while (chunk.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return undefined;
      chunk = next.value;
      digest = crc32(chunk, digest);
      onBytes(chunk.length);
    }
    const piece = chunk.subarray(0, bytes);
    chunk = chunk.subarray(piece.length);
    position += piece.length;
    return piece;
  }

  async function* stream(bytes: number): AsyncGenerator<Uint8Array> {
    for (let left = bytes; left > 0; ) {
      const piece = await some(left);
      if (piece === undefined) return;
      left -= piece.length;
      yield piece;
    }
  }

  return {
    stream,
    async take(bytes) {
      // Copied as they come: a chunk may be the source's own buffer, used again for the next one.
      const pieces: Buffer[] = [];
      for await (const piece of stream(bytes)) pieces.push(Buffer.from(piece));
      return Buffer.concat(pieces);
    },
    async skip(bytes) {
      for await (const _ of stream(bytes));
    },
    position: () => position,
    crc: () => digest,
    async close() {
      await chunks.return?.();
    },
  };
}
