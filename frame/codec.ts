/**
 * Turns rows into stored frames and back. A codec that wraps another one can add encryption.
 * Frames of a codec are self-contained, and the same rows and level give the same rows back.
 */
export interface FrameCodec {
  /** One frame, outside of a series: allocates what it needs for this frame alone. */
  encode(rows: Uint8Array, level: number): Promise<Buffer>;
  /**
   * An encoder for many frames, which reuses memory between them.
   * @param rowsBytesMax of a usual frame; larger ones cost more CPU.
   */
  createEncoder(rowsBytesMax: number): FrameEncoder;
  /** One frame of rows that do not fit into memory (a single value can have 1 GB). */
  encodeLong(rows: AsyncIterable<Uint8Array>, level: number): AsyncGenerator<Buffer>;
  /**
   * The rows of one frame. Uses no more memory than `bytes`, whatever the frame claims.
   * @param bytes of rows that the extent promises.
   * @throws StowageError `set/damaged` unless this is exactly one intact frame of `bytes` bytes.
   */
  decode(frame: Buffer, bytes: number): Promise<Buffer>;
  /**
   * Like `decode`, for a frame that does not fit into memory. The frame is checked only when the
   * iteration has ended, so the caller must not commit the rows before.
   * @throws StowageError `set/damaged`, and any error of `frame`.
   */
  decodeLong(frame: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer>;
}

/** Encodes frames off the main thread, as many at once as there are calls. */
export interface FrameEncoder {
  /** One frame of rows in memory. The caller must not change them until the promise settles. */
  encode(rows: Uint8Array, level: number): Promise<EncodedFrame>;
}

export interface EncodedFrame {
  /** Valid until `release` is called. */
  readonly stored: Buffer;
  /** Frees the memory of `stored`. Call it at most once. */
  release(): void;
}
