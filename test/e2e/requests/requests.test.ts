import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { RestoreChoice } from '../../../backup-set/documents/restore/asked.ts';
import { createRequest, type NewRequest } from '../../../functions/requests/requests.ts';
import type { Ask, OneSet, Requests } from '../../../functions/serve/console/api.ts';
import { openStore } from '../../../storage/open.ts';
import { failureOf, type RunningCli, startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE, databasesOf } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { readUntil } from '../../support/wait-for.ts';

/** A restore that is asked for in the console, and carried out by an operator or by `serve`. */

const TOKEN = 'cafe0123'.repeat(8);
const SQL = `CREATE TABLE orders AS SELECT i, 'order ' || i AS v FROM generate_series(1, 300) i;
CREATE TABLE other AS SELECT i FROM generate_series(1, 10) i;`;

let place: Place;
let source: TestServer;
let staging: TestServer;
let [config, timestamp, root, stagingConfig, tokenFile] = ['', '', '', '', ''];
let server: RunningCli;
let api = '';

beforeAll(async () => {
  place = await directoryPlace();
  const [first, second] = await startCluster(2);
  if (first === undefined || second === undefined) throw new Error('no server');
  [source, staging] = [first, second];
  await source.psql(`CREATE DATABASE ${DATABASE}`);
  await source.psql(SQL, DATABASE);
  root = place.newRoot();
  timestamp = (await stowage(['backup'], { config: await configFor(place, [source], root) })).json
    .timestamp;
  // The target's own file names another root: that of the request counts.
  stagingConfig = await configFor(place, [staging], place.newRoot());
  tokenFile = join(place.folder, 'request.token');
  await writeFile(tokenFile, `${TOKEN}\n`);
  config = await configFor(place, [source], root, {
    console: {},
    requests: {
      tokenFile,
      targets: [
        { name: 'staging', config: stagingConfig },
        { name: 'self', config: stagingConfig, databases: ['by_itself', DATABASE], run: 'serve' },
      ],
    },
  });
  server = startStowage(['serve', '--port', '0'], { config });
  const { url } = await server.waitForEvent('console');
  api = `${String(url)}api/0`;
});
afterAll(async () => {
  server?.kill('SIGTERM');
  await server?.ended;
  await stopAll([source, staging].filter((one) => one !== undefined));
  await place?.stop();
});

const requests = async () => (await (await fetch(`${api}/requests`)).json()) as Requests;

async function ask(change: Partial<Ask>): Promise<string> {
  const set = (await (await fetch(`${api}/sets/${timestamp}`)).json()) as OneSet;
  const body: Ask = {
    ...{ timestamp, manifestSha256: set.manifestSha256, target: 'staging', mode: 'create' },
    ...{ tables: [], parts: 'all', flags: ['--no-owner'], ...change },
  };
  const response = await fetch(`${api}/requests`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'stowage-request-token': TOKEN },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as { id: string };
  expect(response.status, JSON.stringify(answer)).toBe(201);
  return answer.id;
}

const stateOf = async (id: string) => (await requests()).requests.find((one) => one.id === id);

describe('a request for a restore', () => {
  test('waits for an operator, who sees what it asks for, and whose command restores exactly that', async () => {
    const tables = [{ schema: 'public', name: 'orders' }];
    const id = await ask({ tables, database: 'asked for' });
    const run = (...args: string[]) => stowage(['restore', '--request', id, ...args], { config });
    const looked = await stowage(['restore', '--request', id], { config, plain: true });
    expect(looked.code).toBe(0);
    const line = `stowage restore ${timestamp} --config=${stagingConfig} --root=${root} '--redirect-db=asked for' --create '--include-table="public"."orders"' --no-owner`;
    expect(looked.text).toContain(line);
    expect(looked.text).toContain('by no name at 127.0.0.1');
    expect((await run('--dry-run')).code).toBe(0);
    expect(await databasesOf(staging)).toEqual([]);
    const status = await stowage(['status'], { config, plain: true });
    expect(status.code).toBe(3);
    expect(status.text.replaceAll(/\s+/g, ' ')).toContain(`stowage restore --request ${id}`);

    const restored = await run('--yes');
    expect(failureOf(restored)).toBeUndefined();
    expect(restored.json).toMatchObject({
      status: 'restored',
      totals: { relations: 1, rows: 300 },
    });
    expect(await staging.psql('SELECT count(*) FROM orders', 'asked for')).toBe('300');
    expect(await databasesOf(staging)).toEqual(['asked for']);
    expect(
      await readUntil(
        () => stateOf(id),
        (one) => one?.state === 'restored',
      ),
    ).toMatchObject({
      state: 'restored',
    });

    // It is carried out once.
    const again = await run('--yes');
    expect(again.code).toBe(4);
    expect(again.json.error.code).toBe('request/refused');
    expect(again.json.error.message).toMatch(/has taken it at/);
    const shown = await stowage(['show', id], { config, plain: true });
    expect(shown.text).toContain(`restore ${id} of set ${timestamp}`);
    const listed = await stowage(['list', 'requests'], { config, plain: true });
    expect(listed.text).toMatch(new RegExp(`${id} .*restored`));
    const log = await stowage(['log'], { config, plain: true });
    expect(log.text).toMatch(
      /into target staging, database asked for asked for in the console: create, by no name at 127/,
    );
    expect(log.text).toContain(`request ${id} restored`);
  });

  test('for a target of `run: serve` is carried out by the server, and its end is shown', async () => {
    const id = await ask({ target: 'self', database: 'by_itself' });
    const ended = (one: Awaited<ReturnType<typeof stateOf>>) =>
      !['waiting', 'started'].includes(one?.state ?? 'waiting');
    expect(await readUntil(() => stateOf(id), ended, 60_000)).toMatchObject({ state: 'restored' });
    expect(await staging.psql('SELECT count(*) FROM orders', 'by_itself')).toBe('300');

    const second = await ask({ target: 'self', database: 'by_itself' });
    expect(await readUntil(() => stateOf(second), ended, 60_000)).toMatchObject({
      state: 'refused',
      message: expect.stringContaining('by_itself'),
    });
  });

  test('that is too old, of another root, or for a set that has changed, is refused', async () => {
    const { manifestSha256 } = (await (await fetch(`${api}/sets/${timestamp}`)).json()) as OneSet;
    const choice: RestoreChoice = {
      ...{ timestamp, manifestSha256, target: 'staging', mode: 'create', tables: [] },
      ...{ parts: 'all', flags: [], database: 'never' },
    };
    const store = await openStore({ root });
    onTestFinished(() => store.close());
    const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
    const refusalOf = async (wanted: Partial<NewRequest>, url = root) => {
      const { id } = await createRequest(
        { ...deps, store: { ...store, url } },
        { choice, by: 'a test', token: TOKEN, expireMs: 60_000, ...wanted },
      );
      const result = await stowage(['restore', '--request', id, '--yes'], { config });
      return result.json.error;
    };
    expect(await refusalOf({ expireMs: 0 })).toMatchObject({
      code: 'request/refused',
      message: expect.stringMatching(/has expired at/),
    });
    expect((await refusalOf({}, 's3://elsewhere/shop')).message).toMatch(/made for the root s3:/);
    const changed = { ...choice, manifestSha256: '0'.repeat(64) };
    expect((await refusalOf({ choice: changed })).message).toMatch(/manifest .* has changed since/);
    const other = { ...choice, target: 'production' };
    expect((await refusalOf({ choice: other })).message).toMatch(/has no production/);
    expect(await databasesOf(staging)).not.toContain('never');
  });

  test('that was changed in the bucket, or has no token to prove it, is refused and changes nothing', async () => {
    const id = await ask({ database: 'never' });
    const file = join(fileURLToPath(root), 'requests', id, 'request.json');
    const text = await readFile(file, 'utf8');
    const run = (env = {}) =>
      stowage(['restore', '--request', id, '--yes'], { config, env: { ...env } });
    await writeFile(file, text.replace('"never"', '"other"'));
    expect((await run()).json.error.message).toMatch(/proof does not fit requests.tokenFile/);
    await writeFile(file, text);
    const other = await run({ STOWAGE_REQUEST_TOKEN: 'x'.repeat(64) });
    expect(other.json.error).toMatchObject({ code: 'request/refused' });
    const short = await run({ STOWAGE_REQUEST_TOKEN: 'short' });
    expect(short.json.error).toMatchObject({ code: 'config/invalid' });
    const elsewhere = await configFor(place, [source], place.newRoot(), {
      requests: { tokenFile, targets: [{ name: 'staging' }] },
    });
    const moved = await stowage(['restore', '--request', id, '--yes'], { config: elsewhere });
    expect(moved.json.error.code).toBe('request/not-found');
    const mixed = await stowage(['restore', '--request', id, '--create'], { config });
    expect(mixed.json.error.message).toMatch(/leave out --create/);
    expect(await databasesOf(staging)).not.toContain('never');
    expect(await databasesOf(staging)).not.toContain('other');
  });
});
