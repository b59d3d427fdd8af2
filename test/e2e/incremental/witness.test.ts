import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { databaseContents } from '../../support/e2e/compare.ts';
import { isEncryptedSuite } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';

/** What WAL summaries need; the test servers have none of it. */
const SUMMARIES = { wal_level: 'replica', summarize_wal: 'on', fsync: 'on' };
const TABLES = ['kept', 'changed', 'also_kept'];

const binDir = await postgres17();
let place: Place;
let servers: TestServer[];
let [config, first, second] = ['', '', ''];

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config });

describe.runIf(binDir !== undefined)('on PostgreSQL 17 with WAL summaries, a second backup', () => {
  beforeAll(async () => {
    place = await directoryPlace();
    const options = { databases: [DATABASE], settings: SUMMARIES, ...(binDir && { binDir }) };
    servers = await startCluster(2, options);
    for (const server of servers)
      for (const table of TABLES)
        await server.psql(
          `CREATE TABLE ${table} AS SELECT g AS id, md5(g::text || '${table}') AS word
           FROM generate_series(1, 2000) g; VACUUM ${table}`,
          DATABASE,
        );
    config = await configFor(place, servers, place.newRoot());
    first = (await command('backup', '--full')).json.timestamp;
  });
  afterAll(async () => {
    await stopAll(servers);
    await place?.stop();
  });

  test('reads only the table with a changed row, and says so', async () => {
    await servers[1]?.psql(`UPDATE changed SET word = 'new' WHERE id = 1000`, DATABASE);
    const backup = await command('backup');
    expect(backup.json).toMatchObject({
      status: 'complete',
      base: first,
      tables: 3,
      readTables: 1,
      carriedTables: 2,
      witnesses: { reasons: [{ reason: 'changed', tables: 1 }], unavailable: [] },
    });
    second = backup.json.timestamp;
    const { json } = await command('show', second);
    expect(json.manifest.totals).toMatchObject({ readRelations: 1, rows: 12_000 });
    expect(json.manifest.features).toEqual([
      ...['carried', 'witness'],
      ...(isEncryptedSuite ? ['encrypted'] : []),
    ]);
  });

  test('gives a set that is equal to the database when it is restored', async () => {
    const restore = await command('restore', second, '--create', '--database', 'again');
    expect(restore.json.status).toBe('restored');
    for (const server of servers)
      expect(await databaseContents(server, 'again')).toEqual(
        await databaseContents(server, DATABASE),
      );
  });

  test('gives a set that copy takes to another root, which proves it again', async () => {
    const { json } = await command('copy', second, '--to', place.newRoot());
    expect(json).toMatchObject({ verdict: { status: 'complete', problems: [] } });
  });

  test('reads of a large table only the blocks around a changed row, and restores all rows', async () => {
    await servers[0]?.psql(
      `CREATE TABLE large AS SELECT g AS id, repeat(md5(g::text), 30) AS word
       FROM generate_series(1, 70000) g; VACUUM large`,
      DATABASE,
    );
    const whole = await command('backup');
    expect(whole.json).toMatchObject({ status: 'complete', partTables: 0 });
    await servers[0]?.psql(`UPDATE large SET word = 'short' WHERE id = 100`, DATABASE);
    const part = await command('backup');
    expect(part.json).toMatchObject({ status: 'complete', partTables: 1 });
    expect(part.json.rows).toBe(whole.json.rows);
    expect(part.json.readBytes).toBeLessThan(part.json.bytes * 0.7);
    const restore = await command(
      'restore',
      part.json.timestamp,
      '--create',
      '--database',
      'large',
    );
    expect(restore.json.status).toBe('restored');
    for (const server of servers)
      expect(await databaseContents(server, 'large')).toEqual(
        await databaseContents(server, DATABASE),
      );
  });
});
