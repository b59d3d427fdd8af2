/**
 * An S3 server for the bench, in a process of its own so that its CPU is charged to nobody. It listens on the loopback
 * interface only and keeps everything in memory. Prints its port in one line; ends with its standard input.
 * Control: /-/counts, /-/forget-counts, /-/reset (objects too), /-/keep, /-/discard.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { noCounts } from './counts.ts';
import { DISCARD_ABOVE_BYTES, noObjects } from './objects.ts';
import { serve } from './serve.ts';

let counts = noCounts();
const objects = noObjects();

const CONTROL: Readonly<Record<string, () => unknown>> = {
  '/-/counts': () => counts,
  '/-/forget-counts': () => {
    counts = noCounts();
  },
  '/-/reset': () => {
    counts = noCounts();
    objects.stored.clear();
    objects.uploads.clear();
  },
  '/-/keep': () => {
    objects.keptBytesMax = Number.POSITIVE_INFINITY;
  },
  '/-/discard': () => {
    objects.keptBytesMax = DISCARD_ABOVE_BYTES;
  },
};

const server = createServer({ requestTimeout: 0, keepAliveTimeout: 600_000 }, (request, response) => {
  const control = CONTROL[request.url ?? ''];
  if (control !== undefined) {
    response.end(JSON.stringify(control() ?? {}));
    return;
  }
  serve(request, response, objects, counts).catch((error: unknown) => {
    process.stderr.write(`sink: ${request.method} ${request.url}: ${String(error)}\n`);
    response.destroy();
  });
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
process.stdin.resume().once('end', () => process.exit(0));
