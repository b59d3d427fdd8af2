/** The type and the length of a message. */
const HEADER_BYTES = 5;

/** Messages that a server may send, other than CopyData, by their first byte. */
const TYPES = new Set(Buffer.from('RKSZCDTEN123nAsItGHWcvV'));
/**
 * Only these may be long, as in libpq: another long length means that we lost the message
 * boundaries.
 */
const LONG_TYPES = new Set(Buffer.from('TDVENA'));
const LENGTH_MAX = 30_000;
/** A server builds a message in one allocation, which is limited to 1 GB. */
const LONG_LENGTH_MAX = 0x3fffffff;

/**
 * The length of the message at an offset, with its header, which must be complete. Undefined when
 * the
 * bytes are not a message: waiting for its end could hang.
 */
export function checkedLength(bytes: Buffer, at: number): number | undefined {
  const type = bytes[at] ?? 0;
  const length = bytes.readUInt32BE(at + 1);
  const longest = LONG_TYPES.has(type) ? LONG_LENGTH_MAX : LENGTH_MAX;
  if (!TYPES.has(type) || length < 4 || length > longest) return undefined;
  return length + HEADER_BYTES - 4;
}
