import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowage } from '../../support/cli.ts';
import { startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { databaseContents } from '../../support/e2e/compare.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';

const SETTINGS = {
  ...{ wal_level: 'replica', summarize_wal: 'on', fsync: 'on' },
  // Each table then has a number of its reads.
  ...{ track_counts: 'on', autovacuum: 'off' },
};

const binDir = await postgres17();
let place: Place;
let servers: TestServer[];
let config = '';

const command = (...args: string[]) => stowage(args, { config });
const scans = (table: string) =>
  servers[0]?.psql(
    `SELECT pg_stat_clear_snapshot(), seq_scan FROM pg_stat_user_tables WHERE relname = '${table}'`,
    DATABASE,
  );

describe.runIf(binDir !== undefined)('with agents on PostgreSQL 17, a second backup', () => {
  beforeAll(async () => {
    place = await directoryPlace();
    const options = { databases: [DATABASE], settings: SETTINGS, ...(binDir && { binDir }) };
    servers = await startCluster(1, options);
    await servers[0]?.psql(
      `CREATE TABLE kept AS SELECT g AS id, md5(g::text) AS word FROM generate_series(1, 2000) g;
       CREATE TABLE changed AS SELECT * FROM kept; CREATE TABLE empty (id int);
       CREATE SEQUENCE counter; SELECT lo_from_bytea(4711, 'old')`,
      DATABASE,
    );
    await servers[0]?.psql('VACUUM', DATABASE);
    const root = place.newRoot();
    config = await configFor(place, servers, root, { shippers: { workers: 2, start: 'agents' } });
    const serves = new Map(servers.entries());
    const agent = await startAgent({ place, root, name: 'one', serves });
    return async () => {
      agent.kill('SIGKILL');
      await agent.ended;
    };
  });
  afterAll(async () => {
    await stopAll(servers);
    await place?.stop();
  });

  test('does not read a table that did not change, and restores its rows, sequences and large objects', async () => {
    expect((await command('backup')).json).toMatchObject({ status: 'complete', readTables: 3 });
    await servers[0]?.psql(
      `UPDATE changed SET word = 'new' WHERE id = 1000;
       SELECT nextval('counter'), nextval('counter'), lo_put(4711, 0, 'new')`,
      DATABASE,
    );
    const before = [await scans('kept'), await scans('changed')];
    const { json } = await command('backup');
    expect(json).toMatchObject({ status: 'complete', readTables: 1, carriedTables: 2, rows: 4000 });
    expect(await scans('kept')).toBe(before[0]);
    expect(await scans('changed')).not.toBe(before[1]);
    const args = ['restore', json.timestamp, '--create', '--database', 'again'];
    expect((await command(...args)).json.status).toBe('restored');
    const [server] = servers;
    if (server === undefined) return;
    expect(await databaseContents(server, 'again')).toEqual(
      await databaseContents(server, DATABASE),
    );
  });
});
