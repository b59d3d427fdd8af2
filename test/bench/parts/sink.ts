import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * An S3 endpoint on loopback that stores nothing and answers at once, so that only clients cost.
 */
export interface Sink {
  readonly endpoint: string;
  /** Credentials that clients require. The sink does not check them. */
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startSink(): Promise<Sink> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    env: { AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench', AWS_REGION: 'us-east-1' },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Sizes of the last objects: rclone sends a HEAD for an object after writing it. */
const sizes = new Map<string, { bytes: number; etag: string }>();
const SIZES_MAX = 100;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const key = (request.url ?? '').split('?')[0] ?? '';
  const md5 = createHash('md5');
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    md5.update(chunk);
  }
  const etag = `"${md5.digest('hex')}"`;
  if (request.method === 'PUT') {
    if (sizes.size >= SIZES_MAX) sizes.delete(sizes.keys().next().value ?? '');
    sizes.set(key, { bytes, etag });
    response.writeHead(200, { ETag: etag, 'Content-Length': 0 }).end();
    return;
  }
  const known = sizes.get(key);
  if (request.method === 'HEAD' && known !== undefined)
    response.writeHead(200, {
      ETag: known.etag,
      'Content-Length': known.bytes,
      'Last-Modified': new Date().toUTCString(),
    });
  else response.writeHead(404, { 'Content-Length': 0 });
  response.end();
}
