import type { IncomingMessage } from 'node:http';

/** The length of a body, and its bytes if they are kept. */
export interface Body {
  readonly bytes: number;
  /** Absent when the bytes were discarded. */
  readonly chunks?: readonly Buffer[];
}

/**
 * Reads a body to its end. Bytes of a body larger than `keptBytesMax` are discarded, because the
 * sink must cost less than the client that it measures.
 */
export async function readBody(request: IncomingMessage, keptBytesMax: number): Promise<Body> {
  let chunks: Buffer[] | undefined = [];
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > keptBytesMax) chunks = undefined;
      else chunks?.push(chunk);
    });
    request.once('end', resolve);
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client closed the connection')));
  });
  if (!isFramed(request)) return chunks === undefined ? { bytes } : { bytes, chunks };
  if (chunks === undefined)
    return { bytes: Number(request.headers['x-amz-decoded-content-length'] ?? bytes) };
  const plain = unframe(Buffer.concat(chunks));
  return { bytes: plain.length, chunks: [plain] };
}

const isFramed = ({ headers }: IncomingMessage) =>
  (headers['content-encoding'] ?? '').includes('aws-chunked') ||
  String(headers['x-amz-content-sha256'] ?? '').startsWith('STREAMING-');

/**
 * Decodes `aws-chunked`: a hexadecimal length precedes each chunk, and an empty chunk ends the
 * body.
 */
export function unframe(framed: Buffer): Buffer {
  const plain: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = framed.indexOf('\r\n', at);
    const length = Number.parseInt(framed.toString('latin1', at, end), 16);
    if (end < 0 || !Number.isInteger(length)) throw new Error('a body is not framed as it says');
    if (length === 0) return Buffer.concat(plain);
    plain.push(framed.subarray(end + 2, end + 2 + length));
    at = end + 2 + length + 2;
  }
}
