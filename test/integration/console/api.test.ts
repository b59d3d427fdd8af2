import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { pause } from '../../../async/poll.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import type {
  BackupProgress,
  Cell,
  ConsoleRoot,
  OneSet,
  Overview,
  RestoreProgress,
  TableHistory,
} from '../../../functions/serve/console/api.ts';
import { codeOfCount, UNREADABLE } from '../../../functions/serve/console/cells/codes.ts';
import { serveConsole, waitUntilRead } from '../../support/console/serve.ts';
import { type SmallRoot, writeSmallRoot } from '../../support/console/small-root.ts';
import { waitUntil } from '../../support/wait-for.ts';

/** The console's API over HTTP, on a generated root. */

const NIGHTS = 11;
let folder = '';
let root: SmallRoot;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-console-root-'));
  root = await writeSmallRoot(folder, new Date(), NIGHTS);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function served(more: Parameters<typeof serveConsole>[1] = {}) {
  const { url, stop } = await serveConsole({ shop: folder, absent: `${folder}-absent` }, more);
  onTestFinished(stop);
  if (more.token === undefined) await waitUntilRead(url);
  const get = async <Value>(path: string): Promise<Value> => {
    const response = await fetch(`${url}api/${path}`);
    expect(response.status).toBe(200);
    return (await response.json()) as Value;
  };
  return { url, get };
}

const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string } }).error;

it('lists sets with their states, restores, and what needs attention', async () => {
  const { get } = await served();
  const overview = await get<Overview>('0/overview');
  expect(overview).toMatchObject({ reading: 0, setsLeftOut: 0, restoresLeftOut: 0 });
  const states = new Map(overview.sets.map(({ timestamp, state }) => [timestamp, state]));
  expect(states.get(root.newest)).toBe('complete');
  expect(states.get(root.running)).toBe('open');
  expect([...states.values()]).toContain('incomplete');
  expect(overview.sets[1]).toMatchObject({ contents: 24, relations: 126, database: 'orders' });
  expect(overview.restores.map(({ status }) => status)).toEqual(['running', 'failed', 'restored']);
  expect(overview.attention.map(({ kind }) => kind)).toEqual(['damaged', 'restore', 'incomplete']);
  expect(await get<ConsoleRoot[]>('roots')).toMatchObject([{ name: 'shop' }, { name: 'absent' }]);
  expect(await get<Overview>('1/overview')).toMatchObject({ sets: [], attention: [] });
});

it('gives the cells of a set, and each of them in exact numbers', async () => {
  const { url, get } = await served();
  const set = await get<OneSet>(`0/sets/${root.newest}`);
  expect(set.tables.name).toHaveLength(126);
  expect(set.segments.content).toHaveLength(24);
  const rows = async () => {
    const response = await fetch(`${url}api/0/sets/${root.newest}/rows?measure=rows&tables=0,1`);
    const isRead = response.headers.get('stowage-contents-read') === '24';
    return isRead ? new Uint8Array(await response.arrayBuffer()) : undefined;
  };
  await waitUntil(async () => (await rows()) !== undefined);
  const cells = await rows();
  expect(cells).toHaveLength(48);
  const cell = await get<Cell>(`0/sets/${root.newest}/cell?table=1&content=5`);
  expect(cells?.[24 + 5]).toBe(codeOfCount(cell.rows));
  const sum = await Promise.all(
    set.segments.content.map((content) =>
      get<Cell>(`0/sets/${root.newest}/cell?table=1&content=${content}`),
    ),
  );
  expect(sum.reduce((total, { bytes }) => total + bytes, 0)).toBe(set.tables.bytes[1]);
});

it('marks the cells of a part that was altered, and says why', async () => {
  const key = formatKey({ kind: 'manifest-part', timestamp: root.newest, content: 3 });
  const bytes = await readFile(join(folder, key));
  onTestFinished(() => writeFile(join(folder, key), bytes));
  await truncate(join(folder, key), bytes.length - 10);
  const { url } = await served();
  const rows = async () => {
    const response = await fetch(`${url}api/0/sets/${root.newest}/rows?measure=bytes&tables=0`);
    expect(response.status).toBe(200);
    return [...new Uint8Array(await response.arrayBuffer())];
  };
  await waitUntil(async () => (await rows()).every((code) => code !== 255));
  expect((await rows()).map((code) => code === UNREADABLE).indexOf(true)).toBe(3);
  const cell = await fetch(`${url}api/0/sets/${root.newest}/cell?table=0&content=3`);
  expect(cell.status).toBe(422);
  expect((await errorOf(cell)).message).toContain(key);
});

it('follows a backup and a restore by segment, slowest first', async () => {
  const { get } = await served();
  const backup = await get<BackupProgress>(`0/sets/${root.running}/progress`);
  expect(backup).toMatchObject({ state: 'running', unread: 0, expectedFrom: root.newest });
  expect(backup.segments.slice(0, 3).map(({ content }) => content)).toEqual([22, 23, 0]);
  expect(backup.segments[2]).toMatchObject({
    ...{ state: 'shipping', packs: 1, receipts: 1, rows: 4000, tables: 1, tablesPlanned: 126 },
  });
  const restore = await get<RestoreProgress>(`0/restores/${root.runningRestore}`);
  expect(restore).toMatchObject({ status: 'running', phase: 'data', target: 'orders_check' });
  expect(restore.segments.map(({ content }) => content)).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
  expect(restore.segments[0]).toMatchObject({ state: 'working', rows: 0, rowsPlanned: 50_000 });
  expect(restore.segments[4]).toMatchObject({ state: 'waiting', rows: 50_000, phasesDone: 3 });
  const failed = await get<RestoreProgress>(`0/restores/${root.failedRestore}`);
  expect(failed).toMatchObject({ status: 'failed', problemsTotal: 1 });
});

it('gives the history of a table from the manifests of its database', async () => {
  const { get } = await served();
  const query = new URLSearchParams({ schema: 'sales', name: 'orders', database: 'orders' });
  const history = () => get<TableHistory>(`0/history?${query}`);
  await waitUntil(async () => (await history()).reading === 0);
  const { points } = await history();
  expect(points).toHaveLength(NIGHTS + 1);
  expect(points.map(({ rows }) => rows)).toEqual(
    points.map(({ rows }) => rows).toSorted((a, b) => a - b),
  );
  query.set('name', 'nothing');
  await waitUntil(async () => (await history()).reading === 0);
  expect(await get<TableHistory>(`0/history?${query}`)).toMatchObject({ points: [] });
  query.set('database', 'other');
  expect(await get<TableHistory>(`0/history?${query}`)).toMatchObject({ points: [], without: [] });
});

it('answers 304 to a client that has the same bytes', async () => {
  const { url } = await served();
  const first = await fetch(`${url}api/0/sets/${root.newest}`);
  const etag = first.headers.get('etag') ?? '';
  const headers = { 'if-none-match': etag };
  const again = await fetch(`${url}api/0/sets/${root.newest}`, { headers });
  expect(again.status).toBe(304);
  expect(await again.text()).toBe('');
});

it('answers 304 to a poll that finds nothing new', async () => {
  const { url } = await served();
  const tags = new Set<string | null>();
  for (let poll = 0; poll < 3; poll += 1) {
    tags.add((await fetch(`${url}api/0/overview`)).headers.get('etag'));
    await pause(5);
  }
  // The minute may change once.
  expect(tags.size).toBeLessThan(3);
});

it('does not work for pages of other sites, and opens behind their links', async () => {
  const { url } = await served();
  const statusOf = (path: string, mode: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode };
      const sent = request(`${url}${path}`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject).end();
    });
  expect(await statusOf('api/0/overview', 'no-cors')).toBe(403);
  expect(await statusOf('', 'navigate')).toBe(200);
});

it('refuses what it cannot answer, with a code and without a stack', async () => {
  const { url } = await served();
  const status = async (path: string) => {
    const response = await fetch(`${url}api/${path}`);
    expect((await errorOf(response)).message).not.toMatch(/\n\s+at /);
    return response.status;
  };
  const rows = (tables: string) => `0/sets/${root.newest}/rows?measure=rows&tables=${tables}`;
  expect(await status('7/overview')).toBe(404);
  expect(await status('0/sets/20200101000000')).toBe(404);
  expect(await status('0/sets/..%2f..%2fetc')).toBe(400);
  expect(await status('0/restores/20200101000000000-00000000')).toBe(404);
  expect(await status(rows(Array.from({ length: 1025 }, () => 0).join()))).toBe(400);
  expect(await status(rows('999'))).toBe(404);
  expect(await status(rows('x'))).toBe(400);
  for (const method of ['POST', 'PUT', 'DELETE'])
    expect((await fetch(`${url}api/0/overview`, { method })).status).toBe(404);
});

it('shows a set with a manifest that was cut off as damaged, and why', async () => {
  const file = join(folder, formatKey({ kind: 'manifest', timestamp: root.newest }));
  const bytes = await readFile(file);
  onTestFinished(() => writeFile(file, bytes));
  await truncate(file, bytes.length - 5);
  const { url, get } = await served();
  const overview = await get<Overview>('0/overview');
  const cut = overview.sets.find(({ timestamp }) => timestamp === root.newest);
  expect(cut).toMatchObject({ state: 'damaged' });
  expect(cut?.unreadable).toContain('manifest.json');
  const response = await fetch(`${url}api/0/sets/${root.newest}`);
  expect([response.status, (await errorOf(response)).code]).toEqual([422, 'set/unreadable']);
});

it('needs the secret of serve or its own, and sends its policy with every answer', async () => {
  const { url } = await served({ token: 'events', consoleToken: 'console' });
  for (const path of ['', 'console.js', 'api/roots']) {
    const refused = await fetch(`${url}${path}`);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Basic /);
    for (const token of ['events', 'console']) {
      const authorization = `Basic ${Buffer.from(`any:${token}`).toString('base64')}`;
      const answer = await fetch(`${url}${path}`, { headers: { authorization } });
      expect(answer.status).toBe(200);
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('unsafe');
    }
  }
  // The console's own secret gives access to nothing else.
  const headers = { authorization: 'Bearer console' };
  const events = new URL('/events', url);
  expect((await fetch(events, { method: 'POST', body: '[]', headers })).status).toBe(401);
  expect((await fetch(new URL('/metrics', url), { headers })).status).toBe(401);
});

it('without a secret rejects a Host that is not of loopback', async () => {
  const { url } = await served();
  const statusOf = (host: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(`${url}api/roots`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject).end();
    });
  expect(await statusOf('evil.example')).toBe(403);
  expect(await statusOf('127.0.0.1.evil.example')).toBe(403);
  expect(await statusOf(new URL(url).host)).toBe(200);
  expect(await statusOf('localhost:8080')).toBe(200);
});
