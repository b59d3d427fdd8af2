import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setPrefix } from '../../../backup-set/base/keys.ts';
import { type CliResult, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { databaseContents } from '../../support/e2e/compare.ts';
import { isEncryptedSuite } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const TABLES = ['kept', 'changed', 'also_kept'];
const ROWS = 20_000;

let place: Place;
let servers: TestServer[];
let [root, config, first, second] = ['', '', '', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  for (const [content, server] of servers.entries())
    for (const table of TABLES)
      await server.psql(
        `CREATE TABLE ${table} AS SELECT g AS id, md5(g::text || '${table}${content}') AS word
         FROM generate_series(1, ${ROWS}) g`,
        DATABASE,
      );
  root = place.newRoot();
  config = await configFor(place, servers, root, { backup: { frameBytes: 65_536 } });
  first = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config });

describe('a second backup after one row of one of three tables has changed', () => {
  test('stores few new bytes, and says how many are carried from the first set', async () => {
    await servers[1]?.psql(`UPDATE changed SET word = 'new' WHERE id = 10000`, DATABASE);
    const backup = await command('backup');
    expect(backup.json).toMatchObject({ status: 'complete', base: first });
    second = backup.json.timestamp;
    const { json } = await command('show', second);
    const { totals, needs } = json.manifest;
    expect(needs).toEqual([first]);
    expect(totals.newBytes).toBeLessThan(totals.storedBytes / 4);
    expect(backup.json.carriedBytes).toBeGreaterThan(0.9 * totals.bytes);
    expect((await command('show', second)).text).toContain(`"base":{"timestamp":"${first}"`);
  });

  test('gives a set that is equal to the database when it is restored', async () => {
    const restore = await command('restore', second, '--create', '--database', 'again');
    expect(restore.json.status).toBe('restored');
    for (const server of servers)
      expect(await databaseContents(server, 'again')).toEqual(
        await databaseContents(server, DATABASE),
      );
  });

  test('makes verify read the packs of the first set, too', async () => {
    const verified = await command('verify', second);
    expect(verified.json).toMatchObject({ status: 'complete', problems: [] });
    const { objects } = (await command('show', second)).json.manifest.totals;
    expect(verified.json.checked.objects).toBe(objects);
  });

  test('gives a set that copy takes to another root, with the packs of the first set', async () => {
    const { json } = await command('copy', second, '--to', place.newRoot());
    expect(json).toMatchObject({ verdict: { status: 'complete', problems: [] } });
  });

  test('makes delete refuse the first set, and not the second', async () => {
    const refused = await command('delete', first, '--yes');
    expect(refused.json.error).toMatchObject({ code: 'set/needed' });
    expect(refused.text).toContain(second);
    expect((await command('delete', second)).code).toBe(0);
  });

  test('can be told to store all rows', async () => {
    const full = await command('backup', '--full');
    expect(full.json).toMatchObject({ status: 'complete', carriedBytes: 0 });
    const { manifest } = (await command('show', full.json.timestamp)).json;
    expect([manifest.base, manifest.features, manifest.needs]).toEqual([
      undefined,
      isEncryptedSuite ? ['encrypted'] : undefined,
      [],
    ]);
    await command('delete', full.json.timestamp, '--yes');
  });
});

test('a restore of a set whose packs of an older set are gone is refused, and names them', async () => {
  // The keys of an encrypted set stay as long as its packs are needed.
  const gone = `${setPrefix(first)}${isEncryptedSuite ? 'data/' : ''}`;
  await rm(join(root.replace('file://', ''), gone), { recursive: true });
  const { json, text, code } = await command(
    ...['restore', second, '--create', '--database', 'never'],
  );
  expect(json.status).toBe('refused');
  expect(text).toContain(`${setPrefix(first)}data/`);
  expect(code).not.toBe(0);
});
