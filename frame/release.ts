/** Smaller buffers may lie in a pool that Node shares among many, and are cheap to collect. */
const RELEASE_BYTES_MIN = 128 * 1024;

/**
 * Gives the memory of a buffer back at once. Megabytes that wait for the garbage collector make it run all the time, which
 * costs more than decompressing them. Nobody may use the buffer any more: it is empty afterwards.
 */
export function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= RELEASE_BYTES_MIN) buffer.transfer(0);
}
