/**
 * A minimal bucket in memory with PUT and GET, whole or by range. restore.ts starts it as a child
 * process, so that its CPU time is not counted as the client's. It prints its port. `GET /` returns
 * the number of requests and of bytes sent.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const objects = new Map<string, Buffer>();
const sent = { requests: 0, bytes: 0 };

const server = createServer((request, response) => {
  const key = decodeURIComponent(new URL(request.url ?? '', 'http://localhost').pathname.slice(1));
  if (key === '') {
    response.end(JSON.stringify(sent));
    return;
  }
  sent.requests += 1;
  if (request.method === 'PUT') {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      objects.set(key, Buffer.concat(chunks));
      response.writeHead(200, { etag: '"1"' }).end();
    });
    return;
  }
  const object = objects.get(key);
  if (object === undefined) {
    response.writeHead(404).end();
    return;
  }
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const end = to === undefined || to === '' ? object.length : Number(to) + 1;
  const body = object.subarray(start, end);
  sent.bytes += body.length;
  response.writeHead(from === undefined ? 200 : 206, {
    etag: '"1"',
    'last-modified': new Date(0).toUTCString(),
    'content-length': body.length,
    ...(from !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${object.length}` }),
  });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
