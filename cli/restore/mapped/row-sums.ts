import { createHash } from 'node:crypto';

const NEWLINE = 0x0a;
const MODULUS = 2n ** 256n;

/**
 * The number of rows of COPY text, and the sum of their SHA-256: equal for the same rows in any
 * order. A row ends with a line break, and no row has another one inside.
 */
export async function sumOfRows(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly rows: number; readonly sum: string }> {
  let [rows, sum] = [0, 0n];
  /** Of the row whose end is in a later chunk. */
  let open = createHash('sha256');
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const digest = open.update(chunk.subarray(from, end + 1)).digest('hex');
      open = createHash('sha256');
      sum = (sum + BigInt(`0x${digest}`)) % MODULUS;
      rows += 1;
      from = end + 1;
    }
    open.update(chunk.subarray(from));
  }
  return { rows, sum: sum.toString(16) };
}
