import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, startStowage, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { waitUntil } from '../../support/wait-for.ts';

const DATABASES = ['orders', 'billing'];

let place: Place;
let servers: TestServer[];
let server: TestServer;
let [config, group] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(1, { databases: DATABASES });
  server = servers[0] as TestServer;
  await server.psql('CREATE ROLE clerk');
  for (const database of DATABASES)
    await server.psql(
      `CREATE TABLE t AS SELECT g AS id, '${database}' AS word FROM generate_series(1, 100) g;
       GRANT SELECT ON t TO clerk; CREATE SEQUENCE s START 7`,
      database,
    );
  config = await configFor(place, servers, place.newRoot(), { databases: DATABASES });
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config });
/** The fields that only commands about groups print. */
interface GroupOutput {
  readonly group: {
    readonly id: string;
    readonly status: string;
    readonly members: readonly { database: string; status: string; timestamp?: string }[];
  };
  readonly databases: readonly {
    readonly database: string;
    readonly timestamp?: string;
    readonly status?: string;
    readonly error?: { readonly code: string };
  }[];
  readonly groups: readonly GroupOutput['group'][];
}
const output = ({ json }: CliResult) => json as unknown as GroupOutput;

describe('a backup of several databases', () => {
  test('makes one set of each, in order, and says which group they are', async () => {
    const backup = await command('backup');
    expect(backup.code).toBe(0);
    const { group: made, databases } = output(backup);
    group = made.id;
    expect(made.status).toBe('complete');
    expect(databases.map(({ database, status }) => [database, status])).toEqual(
      DATABASES.map((database) => [database, 'complete']),
    );
    const timestamps = databases.map(({ timestamp }) => timestamp);
    expect(timestamps).toEqual([...new Set(timestamps)].toSorted());
    expect(group).toBe(`group-${timestamps[0]}`);
    for (const [at, timestamp] of timestamps.entries()) {
      const { manifest } = (await command('show', timestamp ?? '')).json;
      expect(manifest.database).toBe(DATABASES[at]);
      expect(manifest.group).toEqual({ id: group, databases: DATABASES });
    }
    expect((await command('show', group)).code).toBe(0);
  });

  test('goes on after a database that fails, fails itself, and leaves a group that list calls incomplete', async () => {
    const backup = await command('backup', '--databases', 'orders,absent,billing');
    expect(backup.code).toBe(6);
    const { group: made, databases } = output(backup);
    expect(databases.map(({ status, error }) => status ?? error?.code)).toEqual([
      'complete',
      'database/failed',
      'complete',
    ]);
    expect(made.members[1]).toEqual({ database: 'absent', status: 'missing' });
    const listed = output(await command('list')).groups;
    expect(listed.map(({ id, status }) => [id, status])).toEqual([
      [made.id, 'incomplete'],
      [group, 'complete'],
    ]);
    expect((await command('show', made.id)).code).toBe(3);
    const restore = await command('restore', made.id, '--create');
    expect([restore.code, restore.json.error.code]).toEqual([3, 'set/incomplete']);
    expect(restore.json.error.message).toContain('absent: no set');
  });

  test('of all databases leaves out templates, and postgres while it has no tables', async () => {
    const backup = await command('backup', '--databases', 'all');
    expect(output(backup).databases.map(({ database }) => database)).toEqual(DATABASES.toSorted());
  });
});

test('a role that is made during the run of a group comes back with the database that needs it', async () => {
  // The backup of billing waits for this lock, so that its globals follow those of orders.
  const holder = server.psql(
    `BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE;
     DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'going')
       LOOP PERFORM pg_sleep(0.05); END LOOP; END $$;
     CREATE ROLE late; GRANT SELECT ON t TO late; COMMIT`,
    'billing',
  );
  const locks = "SELECT count(*) FROM pg_locks WHERE relation = 't'::regclass AND granted";
  await waitUntil(async () => (await server.psql(locks, 'billing')) !== '0');
  const running = startStowage(['backup'], { config });
  await running.waitForEvent('database', ({ database }) => database === 'billing');
  await server.psql('CREATE ROLE going');
  await holder;
  const { group: made } = output(await running.ended);
  for (const database of DATABASES) await server.psql(`DROP DATABASE ${database}`);
  await server.psql('DROP ROLE late; DROP ROLE going');
  const restore = await command('restore', made.id, '--create', '--globals');
  expect(restore.code, restore.text).toBe(0);
  const granted = 'SELECT has_table_privilege($$late$$, $$t$$, $$SELECT$$)';
  expect(await server.psql(granted, 'billing')).toBe('t');
});

describe('a restore of a group', () => {
  test('is refused for all databases when one of them exists, and changes none', async () => {
    await server.psql('DROP DATABASE orders');
    const restore = await command('restore', group, '--create');
    expect([restore.code, restore.json.error.code]).toEqual([4, 'restore/refused']);
    expect(restore.json.error.message).toContain('billing');
    expect(await server.psql("SELECT count(*) FROM pg_database WHERE datname = 'orders'")).toBe(
      '0',
    );
  });

  test('is refused with a flag about one database', async () => {
    const restore = await command('restore', group, '--create', '--redirect-db', 'x');
    expect(restore.json.error).toMatchObject({
      code: 'usage/flag',
      where: { field: 'redirectDb' },
    });
  });

  test('makes every database again under its own name, with the globals', async () => {
    await server.psql('DROP DATABASE billing');
    await server.psql('DROP ROLE clerk');
    const restore = await command('restore', group, '--create', '--globals');
    expect(restore.text).toContain('restored');
    expect(restore.code).toBe(0);
    expect(output(restore).databases.map(({ status }) => status)).toEqual(['restored', 'restored']);
    for (const database of DATABASES)
      expect(await server.psql("SELECT sum(id), min(word), nextval('s') FROM t", database)).toBe(
        `5050|${database}|7`,
      );
    expect(
      await server.psql('SELECT has_table_privilege($$clerk$$, $$t$$, $$SELECT$$)', 'orders'),
    ).toBe('t');
  });
});
