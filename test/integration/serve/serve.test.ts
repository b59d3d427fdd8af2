import { readdir, readFile } from 'node:fs/promises';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { startServe } from '../../../functions/serve/serve.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { freshDeps, keysOf, verdictsOf } from '../functions/place.ts';
import { documentsOf, storeAll, storeObjects } from '../functions/sets.ts';
import { eventsOf, post, serveOptions, serving } from './serving.ts';

interface HealthSaid {
  readonly problems: string[];
  readonly running: number;
  readonly waiting: number;
  readonly sweptAt?: string;
}

async function healthOf(url: string): Promise<HealthSaid & { readonly status: number }> {
  const response = await fetch(`${url}/healthz`);
  return { status: response.status, ...((await response.json()) as HealthSaid) };
}

describe('serve', () => {
  it('commits and validates a set after its events, with one validation per manifest', async () => {
    const deps = await freshDeps();
    const { url } = await serving(deps);
    // Waits for the first sweep: it could validate the set too.
    await waitUntil(async () => 'sweptAt' in (await healthOf(url)));
    const set = await storeObjects(deps.store);
    const manifest = formatKey({ kind: 'manifest', timestamp: set.timestamp });
    for (const document of documentsOf(set)) {
      await storeAll(deps.store, [document]);
      const response = await post(url, eventsOf([document.key]));
      expect(response.status).toBe(200);
    }
    await waitUntil(async () => (await verdictsOf(deps.store)).length > 0);
    // The store also sends the event of the manifest that the function wrote.
    await post(url, eventsOf([manifest]));
    await waitUntil(async () => {
      const { running, waiting } = await healthOf(url);
      return running + waiting === 0;
    });
    expect(await verdictsOf(deps.store)).toMatchObject([{ level: 'validate', status: 'complete' }]);
  });

  it('commits a set without events by its timer', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    await serving(deps, { sweepIntervalMs: 50 });
    await storeAll(deps.store, documentsOf(set));
    await waitUntil(async () =>
      (await verdictsOf(deps.store)).some(({ status }) => status === 'complete'),
    );
  });

  it('answers a flood of events at once and without errors, and drops what the queue cannot hold', async () => {
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

  it('limits a body without a Content-Length too', async () => {
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

  it('logs ignored events with their reasons at level debug, and writes nothing for them', async () => {
    const deps = await freshDeps();
    const lines: string[] = [];
    const log = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
    const { url } = await serving(
      { ...deps, store: { ...deps.store, url: 's3://backups/shop' } },
      { log },
    );
    const hostile = [
      'shop/sets/../../etc/passwd',
      'shop/../shop/sets/x',
      'shop//',
      'shop/__proto__',
      '/etc',
      'x\0',
    ];
    const response = await post(url, eventsOf(hostile, 'backups'));
    expect(await response.json()).toEqual({ taken: 0, ignored: 6, dropped: 0 });
    const foreign = await post(url, eventsOf([SEAL], 'other'));
    expect(await foreign.json()).toEqual({ taken: 0, ignored: 1, dropped: 0 });
    const ignored = lines
      .map((line) => JSON.parse(line) as { msg: string; reason?: string; what?: string })
      .filter(({ msg }) => msg === 'event ignored');
    expect(ignored).toMatchObject([
      { reason: 'other-prefix', what: '/etc' },
      { reason: 'other-prefix', what: 'x\0' },
      { reason: 'not-handled', what: 'sets/../../etc/passwd' },
      { reason: 'not-handled', what: '../shop/sets/x' },
      { reason: 'not-handled', what: '/' },
      { reason: 'not-handled', what: '__proto__' },
      { reason: 'other-bucket', what: `other/${SEAL}` },
    ]);
    expect(await keysOf(deps.store)).toEqual([]);
  });

  it('fails with a clear error when the port is in use', async () => {
    const deps = await freshDeps();
    const { url } = await serving(deps);
    const again = startServe(serveOptions(deps, { port: Number(new URL(url).port) }));
    await expect(again).rejects.toMatchObject({
      code: 'serve/listen',
      message: expect.stringContaining('another process uses the port (EADDRINUSE)') as string,
    });
  });

  it('stops with waiting jobs and open connections; the next start does the rest', async () => {
    const deps = await freshDeps();
    const set = await storeObjects(deps.store);
    const first = await serving(deps);
    await storeAll(deps.store, documentsOf(set));
    await post(first.url, eventsOf(documentsOf(set).map(({ key }) => key)));
    await first.stop();
    await first.stop();
    await expect(fetch(`${first.url}/healthz`)).rejects.toThrow();
    await serving(deps);
    await waitUntil(async () =>
      (await verdictsOf(deps.store)).some(({ status }) => status === 'complete'),
    );
    expect(await keysOf(deps.store)).toContain(
      formatKey({ kind: 'manifest', timestamp: set.timestamp }),
    );
  });
});

/** A store whose listings can fail or wait: health checks and sweeps begin with one. */
function moody(store: ObjectStore) {
  let mood: () => Promise<void> = async () => undefined;
  return {
    store: {
      ...store,
      async *listPrefixes(...args: Parameters<ObjectStore['listPrefixes']>) {
        await mood();
        yield* store.listPrefixes(...args);
      },
    },
    become: (next: () => Promise<void>) => {
      mood = next;
    },
  };
}

describe('healthz', () => {
  it('answers 503 while the root cannot be listed or swept, and 200 afterwards', async () => {
    let now = Date.now();
    const { store } = await freshDeps();
    const { store: broken, become } = moody(store);
    const clock = () => new Date(now);
    const { url } = await serving(
      { ...(await freshDeps(clock)), store: broken },
      { sweepIntervalMs: 20 },
    );
    await waitUntil(async () => 'sweptAt' in (await healthOf(url)));
    expect(await healthOf(url)).toMatchObject({ status: 200, ok: true, running: 0, waiting: 0 });
    become(() => Promise.reject(new Error('the network is down')));
    // The result of a probe is reused for 10 s.
    now += 20_000;
    await waitUntil(async () => (await healthOf(url)).problems.length === 2);
    expect(await healthOf(url)).toMatchObject({
      status: 503,
      ok: false,
      problems: [
        'the last sweep failed: the network is down',
        'the store cannot be listed: the network is down',
      ],
    });
    become(() => Promise.resolve());
    now += 20_000;
    await waitUntil(async () => (await healthOf(url)).status === 200);
  });

  it('reports draining while the server stops, and does not answer afterwards', async () => {
    const { store } = await freshDeps();
    const { store: slow, become } = moody(store);
    // The first listing is the sweep's, which keeps the server draining; the second the probe's.
    const [sweep, check] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const checking = Promise.withResolvers<void>();
    let listings = 0;
    become(() => {
      listings += 1;
      if (listings === 1) return sweep.promise;
      checking.resolve();
      return check.promise;
    });
    const running = await serving({ ...(await freshDeps()), store: slow });
    const stopped = running.stop();
    const drained = fetch(`${running.url}/healthz`);
    await checking.promise;
    // Events are still answered: Ceph stops sending after a refused connection.
    expect((await post(running.url, eventsOf([SEAL]))).status).toBe(200);
    check.resolve();
    expect((await drained).status).toBe(503);
    sweep.resolve();
    await stopped;
    await expect(fetch(`${running.url}/healthz`)).rejects.toThrow();
  });
});

const SEAL = formatKey({ kind: 'seal', timestamp: '20260131010203' });

describe('a captured notification', async () => {
  const folder = new URL('../../../functions/events/fixtures/', import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));

  it.each(names.filter((name) => name !== 'ministack-sns-http.json'))(
    '%s is answered with 200',
    async (name) => {
      const { url } = await serving(await freshDeps());
      const requests = JSON.parse(await readFile(new URL(name, folder), 'utf8')) as {
        body: unknown;
      }[];
      for (const { body } of requests) {
        const isSns = typeof body === 'object' && body !== null && 'TopicArn' in body;
        // Over HTTP, SNS messages need a signature; these are bodies of SQS messages.
        expect((await post(url, JSON.stringify(body))).status).toBe(isSns ? 403 : 200);
      }
    },
  );
});
