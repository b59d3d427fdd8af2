const START_BYTES = 256 * 1024;

/** Bytes that grow, and are taken away in one piece. */
export interface OutputBuffer {
  readonly length: number;
  byte(value: number): void;
  /** Copies a part of `from`. */
  copy(from: Buffer, start: number, end: number): void;
  /** All bytes since the last call. The caller may keep them. */
  take(): Buffer;
}

export function outputBuffer(): OutputBuffer {
  let bytes = Buffer.allocUnsafe(START_BYTES);
  let length = 0;
  const room = (more: number) => {
    if (length + more <= bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(bytes.length * 2, length + more));
    bytes.copy(larger, 0, 0, length);
    bytes = larger;
  };
  return {
    get length() {
      return length;
    },
    byte(value) {
      room(1);
      bytes[length] = value;
      length += 1;
    },
    copy(from, start, end) {
      room(end - start);
      // For short values a loop costs less than the call of memcpy.
      if (end - start < 24) for (let at = start; at < end; at += 1) bytes[length++] = from[at] ?? 0;
      else {
        from.copy(bytes, length, start, end);
        length += end - start;
      }
    },
    take() {
      const taken = bytes.subarray(0, length);
      bytes = Buffer.allocUnsafe(START_BYTES);
      length = 0;
      return taken;
    },
  };
}
