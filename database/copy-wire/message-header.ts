/** The type and the length of a message. */
const HEADER_BYTES = 5;

/** Messages that a server may send, other than CopyData, by their first byte. */
const TYPES = new Set(Buffer.from('RKSZCDTEN123nAsItGHWcvV'));
/** Only these may be long, as in libpq: a length out of the blue is a sign that we are out of step. */
const LONG_TYPES = new Set(Buffer.from('TDVENA'));
const LENGTH_MAX = 30_000;
/** A server keeps a message in one piece of memory, and that is limited to 1 GB. */
const LONG_LENGTH_MAX = 0x3fffffff;

/**
 * The length of the message at a place, with its header; the header must be there. Undefined when it is none: no server says so,
 * and to wait for its end would be to wait for ever.
 */
export function checkedLength(bytes: Buffer, at: number): number | undefined {
  const type = bytes[at] ?? 0;
  const length = bytes.readUInt32BE(at + 1);
  const longest = LONG_TYPES.has(type) ? LONG_LENGTH_MAX : LENGTH_MAX;
  if (!TYPES.has(type) || length < 4 || length > longest) return undefined;
  return length + HEADER_BYTES - 4;
}
