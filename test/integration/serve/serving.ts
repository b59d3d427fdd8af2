import { request as requestPlain } from 'node:http';
import { type RequestOptions, request as requestSecure } from 'node:https';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import type { Deps } from '../../../functions/deps.ts';
import { type ServeOptions, type Serving, startServe } from '../../../functions/serve/serve.ts';

export const NEVER = 3600_000;

/** Defaults of a server in tests: any free port on loopback, and only the first sweep. */
export function serveOptions(
  { store, clock }: Deps,
  more: Partial<ServeOptions> = {},
): ServeOptions {
  const log = pino({ level: 'silent' });
  return { store, clock, log, host: '127.0.0.1', port: 0, sweepIntervalMs: NEVER, ...more };
}

/** A server in this process, stopped after the test. */
export async function serving(deps: Deps, more: Partial<ServeOptions> = {}): Promise<Serving> {
  const server = await startServe(serveOptions(deps, more));
  onTestFinished(() => server.stop());
  return server;
}

export const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/events`, { method: 'POST', body, headers });

const eventOf = (key: string, bucket: string) => ({
  eventVersion: '2.2',
  eventSource: 'ceph:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: bucket }, object: { key } },
});

/** A notification as Ceph sends it. */
export const eventsOf = (keys: readonly string[], bucket = 'any') =>
  JSON.stringify({ Records: keys.map((key) => eventOf(key, bucket)) });

export const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/** A request with certificates, which `fetch` cannot present. Rejects when the connection fails. */
export function ask(
  url: string,
  options: RequestOptions & { readonly body?: string } = {},
): Promise<{ readonly status: number; readonly text: string }> {
  const { body, ...rest } = options;
  const request = url.startsWith('https:') ? requestSecure : requestPlain;
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, ...rest }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (some: string) => (text += some));
      response
        .on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        .on('error', reject);
    });
    sent.on('error', reject).end(body);
  });
}

/** The value of one metric with these labels; undefined when there is no such line. */
export function metricIn(text: string, line: string): number | undefined {
  const found = text.split('\n').find((candidate) => candidate.startsWith(`${line} `));
  return found === undefined ? undefined : Number(found.slice(line.length));
}
