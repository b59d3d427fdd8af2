import type { ServerResponse } from 'node:http';
import { type Xml, xml } from './xml.ts';

/** Sends an empty body. */
export function answer(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
): void {
  response.writeHead(status, { 'content-length': 0, ...headers }).end();
}

/** Sends an XML document of the S3 protocol. */
export function document(response: ServerResponse, root: string, content: Xml, status = 200): void {
  const text = xml(root, content);
  response
    .writeHead(status, {
      'content-type': 'application/xml',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}

/** Sends an S3 error. */
export function fail(response: ServerResponse, status: number, code: string): void {
  document(response, 'Error', { Code: code, Message: code, RequestId: 'sink' }, status);
}
