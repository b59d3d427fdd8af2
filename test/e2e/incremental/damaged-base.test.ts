import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKey } from '../../../backup-set/base/keys.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type CliResult, type RunningCli, startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { databaseContents } from '../../support/e2e/compare.ts';
import { shipperPids } from '../../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { SLOW_RATE_BYTES } from '../../support/e2e/processes.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { readUntil } from '../../support/wait-for.ts';

let place: Place;
let store: ObjectStore;
let server: TestServer;
let [root, good, config, slow] = ['', '', '', ''];
let [first, second, third] = ['', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql(
    `CREATE TABLE kept AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 60000) g;
     CREATE TABLE changed AS SELECT g AS id, md5((-g)::text) AS word FROM generate_series(1, 60000) g`,
    DATABASE,
  );
  [root, good] = [place.newRoot(), place.newRoot()];
  store = await place.open(root);
  const backup = { frameBytes: 65_536 };
  config = await configFor(place, [server], root, { backup });
  const shippers = { maxRateBytes: SLOW_RATE_BYTES };
  slow = await configFor(place, [server], root, { backup, shippers });
  first = (await command('backup')).json.timestamp;
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config });
const change = () => server.psql(`UPDATE changed SET word = md5(word || id)`, DATABASE);

/** A slow backup with a base, of which the base's part and some new rows are stored. */
async function halfDone(): Promise<RunningCli> {
  await change();
  const backup = startStowage(['backup'], { config: slow });
  const { timestamp } = await backup.waitForEvent('snapshot');
  const kinds = async () =>
    (await Array.fromAsync(store.list('sets/')))
      .map(({ key }) => parseKey(key))
      .filter((key) => key !== undefined && 'timestamp' in key && key.timestamp === timestamp)
      .map((key) => key?.kind);
  const isUnderWay = async () => {
    const stored = await kinds();
    return stored.includes('base-part') && shipperPids(backup).size > 0;
  };
  expect(await readUntil(isUnderWay, (is) => is)).toBe(true);
  return backup;
}

test('after kill -9 of a backup with a base, and of the shipper of one, the next carries and is restored', async () => {
  const killed = await halfDone();
  killed.kill('SIGKILL');
  await killed.ended;
  const lost = await halfDone();
  for (const pid of shipperPids(lost).values()) process.kill(pid, 'SIGKILL');
  const { json, code } = await lost.ended;
  expect([json.status, code]).toEqual(['incomplete', 3]);
  const backup = await command('backup');
  expect(backup.json).toMatchObject({ status: 'complete', base: first });
  expect(backup.json.carriedBytes).toBeGreaterThan(0.3 * backup.json.bytes);
  second = backup.json.timestamp;
  const restore = await command('restore', second, '--create', '--database', 'again');
  expect(restore.json.status).toBe('restored');
  expect(await databaseContents(server, 'again')).toEqual(await databaseContents(server, DATABASE));
});

test('list and show call every set damaged that uses a damaged pack, and the next backup takes none of them as its base', async () => {
  third = (await command('backup')).json.timestamp;
  expect((await command('copy', second, '--to', good)).code).toBe(0);
  const packs = (await Array.fromAsync(store.list('sets/'))).filter(({ key }) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'pack' && parsed.timestamp === first;
  });
  for (const { key } of packs) {
    const file = join(root.replace('file://', ''), key);
    const bytes = await readFile(file);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    await writeFile(file, bytes);
  }
  expect((await command('verify', second)).json.status).toBe('damaged');
  const list = await command('list');
  const statusOf = ({ json }: CliResult) =>
    Object.fromEntries(json.sets.map(({ timestamp, status }) => [timestamp, status]));
  expect(statusOf(list)).toMatchObject({
    [first]: 'damaged',
    [second]: 'damaged',
    [third]: 'damaged',
  });
  const text = (await stowage(['list'], { config, plain: true })).text;
  const uses = String.raw`set ${third} uses \S+/${first}/data/0/\S+\.pack, which the check of set ${second} found`;
  expect(text).toMatch(new RegExp(uses));
  const show = await stowage(['show', third], { config, plain: true });
  expect(show.text).toContain(`stowage repair ${second} --from`);
  expect(show.code).toBe(3);
  const backup = await command('backup');
  expect(backup.json).toMatchObject({ status: 'complete', carriedBytes: 0 });
  const refused = await command('backup', '--base', third);
  expect(refused.json.error).toMatchObject({ code: 'usage/flag' });
  expect(refused.text).toContain(`the check of set ${second} found damaged`);
  const repair = await command('repair', second, '--from', good, '--replace-damaged');
  expect(repair.code).toBe(0);
  expect(statusOf(await command('list'))).toMatchObject({
    [first]: 'complete',
    [third]: 'complete',
  });
});
