/** Cuts a stream into pieces whose lengths the caller gives. One call at a time. */
export interface ByteReader {
  /** The next `bytes` bytes in one buffer; fewer at the end of the stream. */
  take(bytes: number): Promise<Buffer>;
  /**
   * The next `bytes` bytes in chunks; fewer at the end of the stream. When the loop over it stops
   * early, the bytes that it has not received stay in the reader.
   */
  stream(bytes: number): AsyncGenerator<Uint8Array>;
  /** Reads the next `bytes` bytes, at most to the end of the stream, and drops them. */
  skip(bytes: number): Promise<void>;
  /** Number of bytes that were taken, streamed or skipped. */
  position(): number;
  close(): Promise<void>;
}

export function readBytes(source: AsyncIterable<Uint8Array>): ByteReader {
  const chunks = source[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array();
  let position = 0;

  /** At most `bytes` bytes of the current chunk, or of the next one; undefined at the end. */
  async function some(bytes: number): Promise<Uint8Array | undefined> {
    while (chunk.length === 0) {
      const next = await chunks.next();
      if (next.done === true) return undefined;
      chunk = next.value;
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
      // A source may use the buffer of a chunk again for its next chunk, so each piece is copied.
      const pieces: Buffer[] = [];
      for await (const piece of stream(bytes)) pieces.push(Buffer.from(piece));
      return Buffer.concat(pieces);
    },
    async skip(bytes) {
      for await (const _ of stream(bytes));
    },
    position: () => position,
    async close() {
      await chunks.return?.();
    },
  };
}
