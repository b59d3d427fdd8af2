import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { timestampOf } from '../../../backup-set/base/timestamps.ts';
import { AskedRestore } from '../../../backup-set/documents/restore/asked.ts';
import type { Deps } from '../../../functions/deps.ts';
import { isProven, type OwnRequest } from '../../../functions/requests/proof.ts';
import { describeRequest, endRequest, startRequest } from '../../../functions/requests/requests.ts';
import { removeLeftovers } from '../../../functions/retention/leftovers.ts';
import type { Ask, OneSet, Requests } from '../../../functions/serve/console/api.ts';
import { openStore } from '../../../storage/open.ts';
import { serveConsole } from '../../support/console/serve.ts';
import { writeComplete } from '../../support/console/sets.ts';

/** Requests for restores over HTTP: which are written, and which are not. */

const TOKEN = 'f00dfeed'.repeat(8);
const SETTINGS = {
  token: TOKEN,
  expireHours: 24,
  targets: [
    {
      name: 'staging',
      databases: ['orders'],
      modes: ['fill', 'create'] as const,
      run: 'operator' as const,
    },
    { name: 'self', databases: ['orders'], modes: ['create'] as const, run: 'serve' as const },
  ],
};
const timestamp = timestampOf(new Date(Date.now() - 3_600_000));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-requests-'));
  const tables = [{ schema: 'sales', name: 'a"b.c' }];
  await writeComplete(folder, { timestamp, contents: 2, tables, growth: 1, database: 'orders' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function served(more: Parameters<typeof serveConsole>[1] = { requests: SETTINGS }) {
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) });
  const { url, stop } = await serveConsole({ shop: folder }, { log, ...more });
  onTestFinished(stop);
  const store = await openStore({ root: pathToFileURL(folder).href });
  onTestFinished(() => store.close());
  onTestFinished(() => rm(join(folder, 'requests'), { recursive: true, force: true }));
  const address = `${url}api/0/requests`;
  const post = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stowage-request-token': TOKEN, ...headers },
      body: JSON.stringify(body),
    });
  const set = (await (await fetch(`${url}api/0/sets/${timestamp}`)).json()) as OneSet;
  const ask: Ask = {
    ...{ timestamp, manifestSha256: set.manifestSha256, target: 'staging', mode: 'create' },
    ...{ tables: [{ schema: 'sales', name: 'a"b.c' }], parts: 'all', flags: ['--no-owner'] },
  };
  const list = async () => (await (await fetch(address)).json()) as Requests;
  const written = async () =>
    (await Array.fromAsync(store.list('requests/'))).map(({ key }) => key);
  return { url, post, ask, list, written, store, lines };
}

const messageOf = async (response: Response) =>
  ((await response.json()) as { error: { message: string } }).error.message;

it('a request with the token is written once, with a proof, and the log says which client sent it', async () => {
  const { post, ask, list, written, store, lines } = await served();
  const authorization = `Basic ${Buffer.from('anna:x').toString('base64')}`;
  const response = await post(ask, { authorization });
  expect(response.status).toBe(201);
  const { id } = (await response.json()) as { id: string };
  const key = formatKey({ kind: 'asked-restore', restore: id });
  expect(await written()).toEqual([key]);
  const bytes = await store.read(key, { bytesMax: 100_000 });
  const asked = decode(AskedRestore, { key, bytes });
  expect(asked).toMatchObject({
    ...ask,
    root: store.url,
    by: expect.stringMatching(/^anna at 127/),
  });
  expect(isProven(asked, TOKEN)).toBe(true);
  expect(isProven({ ...asked, mode: 'truncate' }, TOKEN)).toBe(false);
  expect((await list()).requests).toMatchObject([{ id, state: 'waiting', target: 'staging' }]);
  expect(lines.join('')).toContain('was requested by anna at 127.0.0.1');
  expect(`${lines.join('')}${Buffer.from(bytes).toString()}`).not.toContain(TOKEN);
});

it('a request without the token, or with another, writes nothing', async () => {
  const { post, ask, written, lines } = await served();
  for (const token of ['', `${TOKEN}x`, TOKEN.slice(1)])
    expect((await post(ask, { 'stowage-request-token': token })).status).toBe(403);
  expect(await written()).toEqual([]);
  expect(lines.join('')).toContain('its token is wrong');
});

it('a browser cannot be made to ask by a page of another site', async () => {
  const { url, post, ask, written } = await served();
  const host = new URL(url).host;
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' },
    { 'sec-fetch-site': 'none' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { host: 'evil.example', origin: 'http://evil.example' },
  ])
    expect((await post(ask, headers as Record<string, string>)).status).toBe(403);
  expect((await post(ask, { 'content-type': 'text/plain' })).status).toBe(400);
  expect(await written()).toEqual([]);
  expect((await post(ask, { origin: `http://${host}` })).status).toBe(201);
});

it('a request that the targets do not take, or for another manifest, is not written', async () => {
  const { post, ask, written } = await served();
  const cases: [object, number, RegExp][] = [
    [{ manifestSha256: '0'.repeat(64) }, 409, /has changed/],
    [{ target: 'production' }, 403, /has no production: it has staging, self/],
    [{ database: 'billing' }, 403, /target staging takes orders, not database billing/],
    [{ mode: 'truncate' }, 403, /takes fill, create, not truncate/],
    [{ target: 'self', flags: ['--globals'] }, 403, /without an operator/],
    [{ flags: ['--config=/tmp/x'] }, 400, /flags/],
    [{ target: '../x' }, 400, /target/],
    [{ workers: 65 }, 400, /workers/],
  ];
  for (const [change, status, message] of cases) {
    const response = await post({ ...ask, ...change });
    expect([response.status, await messageOf(response)]).toEqual([
      status,
      expect.stringMatching(message),
    ]);
  }
  expect(await written()).toEqual([]);
});

it('of more than 10 tries in a minute the last are rejected, whatever their token', async () => {
  const { post, ask, written } = await served();
  for (let attempt = 0; attempt < 10; attempt += 1)
    expect((await post(ask, { 'stowage-request-token': 'x' })).status).toBe(403);
  expect((await post(ask)).status).toBe(429);
  expect(await written()).toEqual([]);
});

it('a request that was written past the server is shown as forged', async () => {
  const { post, ask, list, store } = await served();
  const { id } = (await (await post(ask)).json()) as { id: string };
  const key = formatKey({ kind: 'asked-restore', restore: id });
  const asked = decode(AskedRestore, { key, bytes: await store.read(key, { bytesMax: 100_000 }) });
  const other = `${id.slice(0, -8)}0badf00d`;
  await writeFile(
    join(folder, 'requests', id, 'request.json'),
    JSON.stringify({ ...asked, id: other }),
  );
  await store.create(
    formatKey({ kind: 'asked-restore', restore: other }),
    Buffer.from(JSON.stringify({ ...asked, id: other, mode: 'truncate' })),
  );
  const states = (await list()).requests.map((one) => [one.id, one.state]);
  expect(new Map(states as [string, string][])).toEqual(
    new Map([
      [id, 'unreadable'],
      [other, 'forged'],
    ]),
  );
});

/** As a command with the token takes it. */
async function ownRequest(deps: Deps, id: string): Promise<OwnRequest> {
  const { asked } = (await describeRequest(deps, id)) ?? {};
  if (asked === undefined) throw new Error(`there is no request ${id}`);
  return { asked, token: TOKEN };
}

it('of two commands that take a request one succeeds, and its end stays as it was first written', async () => {
  const { post, ask, list, store } = await served();
  const { id } = (await (await post(ask)).json()) as { id: string };
  const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const own = await ownRequest(deps, id);
  const taken = await Promise.allSettled([
    startRequest(deps, own, 'one'),
    startRequest(deps, own, 'other'),
  ]);
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  await expect(startRequest(deps, own, 'third')).rejects.toMatchObject({ code: 'request/refused' });
  expect(await endRequest(deps, own, { status: 'failed', message: 'the first' })).toBe(true);
  expect(await endRequest(deps, own, { status: 'restored' })).toBe(false);
  expect((await list()).requests).toMatchObject([{ state: 'failed', message: 'the first' }]);
});

it('requests are removed with other old requests, and not before', async () => {
  const { post, ask, written, store } = await served();
  const { id } = (await (await post(ask)).json()) as { id: string };
  const deps = { clock: () => new Date(), log: pino({ level: 'silent' }) };
  await startRequest({ ...deps, store }, await ownRequest({ ...deps, store }, id), 'one');
  const after = (days: number) => ({
    ...store,
    now: () => Promise.resolve(new Date(Date.now() + days * 86_400_000)),
  });
  await removeLeftovers({ ...deps, store: after(29) }, { keepRequests: '30d' });
  expect(await written()).toHaveLength(2);
  await removeLeftovers({ ...deps, store: after(31) }, { keepRequests: '30d' });
  expect(await written()).toEqual([]);
});

it('without `requests` in the configuration the console takes none', async () => {
  const { post, ask, list, written } = await served({});
  expect((await post(ask)).status).toBe(404);
  expect(await list()).toEqual({ targets: [], expireHours: 0, requests: [] });
  expect(await written()).toEqual([]);
});
