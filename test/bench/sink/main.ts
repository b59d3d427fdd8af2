/**
 * An S3 server for the bench, in its own process so that its CPU time is not charged to a
 * contender. It listens on the loopback interface only and keeps everything in memory. It prints
 * its ports on one line, and exits when its standard input ends.
 * With two arguments, the files of a certificate and its key, it also listens with TLS.
 *
 * Control: /-/counts, /-/forget-counts, /-/reset (objects too), /-/keep, /-/discard.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
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

function answer(request: IncomingMessage, response: ServerResponse): void {
  const control = CONTROL[request.url ?? ''];
  if (control !== undefined) {
    response.end(JSON.stringify(control() ?? {}));
    return;
  }
  serve(request, response, objects, counts).catch((error: unknown) => {
    process.stderr.write(`sink: ${request.method} ${request.url}: ${String(error)}\n`);
    response.destroy();
  });
}

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const LIMITS = { requestTimeout: 0, keepAliveTimeout: 600_000 };
const [certFile, keyFile] = process.argv.slice(2);
const ports = [await portOf(createServer(LIMITS, answer))];
if (certFile !== undefined && keyFile !== undefined) {
  const secrets = { cert: readFileSync(certFile), key: readFileSync(keyFile) };
  ports.push(await portOf(createSecureServer({ ...LIMITS, ...secrets }, answer)));
}
process.stdout.write(`${ports.join(' ')}\n`);
process.stdin.resume().once('end', () => process.exit(0));
