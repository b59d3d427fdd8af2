/** Node may share one pool between smaller buffers, and they are cheap to collect. */
const RELEASE_BYTES_MIN = 128 * 1024;

/**
 * Frees the memory of a buffer at once. Megabytes that wait for the garbage collector make it run
 * all the time, which costs more than decompressing them. The buffer is empty afterwards.
 */
export function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= RELEASE_BYTES_MIN) buffer.transfer(0);
}
