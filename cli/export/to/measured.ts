import { createHash } from 'node:crypto';

/** What was written. */
export interface Measured {
  bytes: number;
  /** Known when all bytes have passed. */
  sha256: string;
}

/** Counts and digests the bytes that pass. */
export async function* measured(
  source: AsyncIterable<Uint8Array>,
  into: Measured,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const chunk of source) {
    hash.update(chunk);
    into.bytes += chunk.byteLength;
    yield chunk;
  }
  into.sha256 = hash.digest('hex');
}
