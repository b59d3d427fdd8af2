import { readFile } from 'node:fs/promises';
import pino from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatKey } from '../../../backup-set/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { type Serving, startServe } from '../../../functions/serve.ts';
import { freshDeps, keysOf, verdictsOf } from './place.ts';
import { documentsOf, storeAll, storeObjects } from './sets.ts';

const NEVER = 3600_000;

async function serving({ store, clock }: Deps, token?: string, sweepIntervalMs = NEVER): Promise<Serving> {
  const log = pino({ level: 'silent' });
  const some = token === undefined ? {} : { token };
  const server = await startServe({
    store,
    clock,
    log,
    host: '127.0.0.1',
    port: 0,
    sweepIntervalMs,
    ...some,
  });
  onTestFinished(() => server.stop());
  return server;
}

const post = (url: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/events`, { method: 'POST', body, headers });

const eventOf = (key: string) => ({
  eventVersion: '2.2',
  eventSource: 'ceph:s3',
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: 'any' }, object: { key } },
});
const eventsOf = (keys: readonly string[]) => JSON.stringify({ Records: keys.map(eventOf) });

async function until(happened: () => Promise<boolean>): Promise<void> {
  while (!(await happened())) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('serve', () => {
  it('commits and validates a set that events announce, one validation for one manifest', async () => {
    const deps = await freshDeps();
    const { url } = await serving(deps);
    const set = await storeObjects(deps.store);
    const manifest = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    for (const document of documentsOf(set)) {
      await storeAll(deps.store, [document]);
      const response = await post(url, eventsOf([document.key]));
      expect(response.status).toBe(200);
    }
    await until(async () => (await verdictsOf(deps.store)).length > 0);
    // A store that announces also tells of what the function itself wrote.
    await post(url, eventsOf([manifest]));
    await until(async () => {
      const health = (await (await fetch(`${url}/healthz`)).json()) as { running: number; waiting: number };
      return health.running + health.waiting === 0;
    });
    expect(await verdictsOf(deps.store)).toMatchObject([{ level: 'validate', status: 'complete' }]);
  });

  it('finds by its timer what no event announced', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await serving(deps, undefined, 50);
    await storeAll(deps.store, documentsOf(set));
    await until(async () => (await verdictsOf(deps.store)).some(({ status }) => status === 'complete'));
  });

  it('answers a flood at once, never with an error, and drops what the queue cannot hold', async () => {
    const deps = await freshDeps();
    const { url } = await serving(deps);
    const keys = Array.from({ length: 1500 }, (_, index) => {
      const timestamp = new Date(Date.UTC(2026, 0, 1) + index * 1000)
        .toISOString()
        .replace(/\D/g, '')
        .slice(0, 14);
      return formatKey({ kind: 'seal', timestamp });
    });
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await post(url, eventsOf(keys));
        expect(response.status).toBe(200);
        return (await response.json()) as { taken: number; dropped: number };
      }),
    );
    for (const { taken, dropped } of answers) expect(taken + dropped).toBe(1500);
    expect(answers.some(({ dropped }) => dropped > 0)).toBe(true);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it.each([
    ['{"Records":', 400],
    ['', 400],
    ['not json', 400],
    ['[]', 200],
    ['{"Service":"Amazon S3","Event":"s3:TestEvent"}', 200],
    ['x'.repeat(1024 * 1024 + 1), 413],
  ])('answers a body like %.20j with %i, in JSON', async (body, status) => {
    const { url } = await serving(await freshDeps());
    const response = await post(url, body);
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toContain('application/json');
    expect(await response.json()).toEqual(expect.any(Object));
  });

  it('limits a body without a length too', async () => {
    const { url } = await serving(await freshDeps());
    const chunk = new Uint8Array(64 * 1024).fill(0x20);
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 1;
        if (sent > 100) controller.close();
        else controller.enqueue(chunk);
      },
    });
    const request = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const status = await fetch(`${url}/events`, request).then(
      (response) => response.status,
      () => 'connection closed',
    );
    expect([413, 'connection closed']).toContain(status);
  });

  it('asks for the token when it was given one', async () => {
    const { url } = await serving(await freshDeps(), 'secret');
    expect((await post(url, '{}')).status).toBe(401);
    expect((await post(url, '{}', { authorization: 'Bearer secre' })).status).toBe(401);
    expect((await post(url, '{}', { authorization: 'Bearer secret' })).status).toBe(200);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/elsewhere`)).status).toBe(404);
  });

  it('says so when the port is taken', async () => {
    const deps = await freshDeps();
    const { url } = await serving(deps);
    const log = pino({ level: 'silent' });
    const port = Number(new URL(url).port);
    const again = startServe({ ...deps, log, host: '127.0.0.1', port, sweepIntervalMs: NEVER });
    await expect(again).rejects.toMatchObject({
      code: 'config/invalid',
      message: expect.stringContaining('EADDRINUSE') as string,
    });
  });

  it('stops with work waiting and connections open, and leaves the rest to the next start', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const first = await serving(deps);
    await storeAll(deps.store, documentsOf(set));
    await post(first.url, eventsOf(documentsOf(set).map(({ key }) => key)));
    await first.stop();
    await first.stop();
    await expect(fetch(`${first.url}/healthz`)).rejects.toThrow();
    await serving(deps);
    await until(async () => (await verdictsOf(deps.store)).some(({ status }) => status === 'complete'));
    expect(await keysOf(deps.store)).toContain(formatKey({ kind: 'manifest', timestamp: set.timestamp }));
  });
});

describe('fixtures', () => {
  it('are all JSON that a receiver would get', async () => {
    const text = await readFile(
      new URL('../../../functions/fixtures/ceph-rgw.json', import.meta.url),
      'utf8',
    );
    const { url } = await serving(await freshDeps());
    expect(await (await post(url, text)).json()).toEqual({ taken: 0, ignored: 2, dropped: 0 });
  });
});
