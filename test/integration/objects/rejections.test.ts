import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSession } from '../../../database/session/session.ts';
import { refreshViews } from '../../../database/target/refresh.ts';
import { dumpSchema } from '../../../database/tools/dump.ts';
import { restoreSchema } from '../../../database/tools/restore.ts';
import { rejectedObjects } from '../../../segment-shipper/restore/schema/left-out.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** Functions that need a search_path, as pg_restore does not set one. */
const SQL = `
CREATE SCHEMA app; SET search_path = app, public;
CREATE FUNCTION inner_one(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT i';
CREATE FUNCTION bare(i int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT inner_one(i)';
CREATE FUNCTION ending(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
  BEGIN IF current_setting('t.ends', true) = 'on' THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN i; END $$;
CREATE TABLE a (i int PRIMARY KEY, n int);
CREATE TABLE b (i int REFERENCES a, "n m" int);
INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);
CREATE INDEX a_bare ON a (bare(n));
CREATE INDEX "b bare" ON b (bare("n m"));
COMMENT ON INDEX a_bare IS 'fails, too';
CREATE INDEX a_ending ON a (ending(n));
CREATE INDEX z_plain ON b (i);
CREATE TABLE v (n int); INSERT INTO v VALUES (7);
CREATE MATERIALIZED VIEW m2 AS SELECT n FROM v;
CREATE FUNCTION through() RETURNS SETOF app.m2 LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT * FROM app.m2; END';
CREATE MATERIALIZED VIEW m1_through AS SELECT n FROM through();
CREATE MATERIALIZED VIEW m0_twice AS SELECT n FROM m1_through;
CREATE EXTENSION postgres_fdw SCHEMA public;
`;
const INDEXES = `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE nspname = 'app' AND relkind = 'i' ORDER BY 1`;
const MADE = ['a_ending', 'a_pkey', 'z_plain'];

let server: TestServer;
let folder: string;
let file: string;

beforeAll(async () => {
  server = await startPostgres({ databases: ['source', 'serial', 'parallel', 'ends', 'views'] });
  folder = await mkdtemp(join(tmpdir(), 'rejections-'));
  await server.psql(SQL, 'source');
  file = join(folder, 'schema.dump');
  const { stdout, done } = dumpSchema(server.target('source'), undefined);
  await pipeline(stdout, createWriteStream(file));
  await done;
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test.each([
  ['one job', 'serial', 1],
  ['two jobs', 'parallel', 2],
])(
  'pg_restore with %s makes all that it can, and each rejected entry is named once',
  async (_, database, jobs) => {
    const target = server.target(database);
    await restoreSchema(target, file, { section: 'pre-data' });
    const options = { section: 'post-data', jobs, onError: 'continue' } as const;
    const { problems, problemsTotal } = await rejectedObjects(
      file,
      await restoreSchema(target, file, options),
    );
    expect(problemsTotal).toBe(3);
    const messages = problems.map(({ message }) => message).sort();
    // Entries of two jobs whose errors come side by side have the messages of both.
    expect(messages).toEqual([
      expect.stringMatching(
        /^COMMENT on INDEX a_bare \(schema app\): .*ERROR: {2}relation "app\.a_bare" does not exist/,
      ),
      expect.stringMatching(
        /^INDEX app\.a_bare: .*ERROR: {2}function inner_one\(integer\) does not/,
      ),
      expect.stringMatching(
        /^INDEX app\.b bare: .*ERROR: {2}function inner_one\(integer\) does not/,
      ),
    ]);
    expect((await server.psql(INDEXES, database)).split('\n')).toEqual(MADE);
    expect(
      await server.psql("SELECT conname FROM pg_constraint WHERE contype = 'f'", database),
    ).toBe('b_i_fkey');
  },
);

test.each([1, 2])(
  'a server that ends the connection of pg_restore is a failure, with %i jobs',
  async (jobs) => {
    const target = server.target('ends');
    if (jobs === 1) await restoreSchema(target, file, { section: 'pre-data' });
    await server.psql('INSERT INTO app.a SELECT 10 + random() * 1000000, 1', 'ends');
    await server.psql("ALTER DATABASE ends SET t.ends = 'on'");
    const options = { section: 'post-data', jobs, onError: 'continue' } as const;
    await expect(restoreSchema(target, file, options)).rejects.toMatchObject({
      code: 'database/tool',
      message: expect.stringMatching(/terminating connection|closed the connection/) as string,
    });
  },
);

test('views are refreshed in an order that works, and those of an unreachable server are returned', async () => {
  const target = server.target('views');
  const down = await freePort();
  await restoreSchema(target, file, { section: 'pre-data' });
  await server.psql(
    `INSERT INTO app.v VALUES (7);
     CREATE SERVER down FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '${down}');
     CREATE USER MAPPING FOR ${server.user} SERVER down OPTIONS (user 'x');
     CREATE FOREIGN TABLE ft (n int) SERVER down;
     CREATE MATERIALIZED VIEW a_ft AS SELECT n FROM ft WITH NO DATA;
     CREATE MATERIALIZED VIEW b_ft AS SELECT n FROM a_ft WITH NO DATA;`,
    'views',
  );
  const views = ['app.m0_twice', 'app.m1_through', 'public.a_ft', 'public.b_ft', 'app.m2'];
  const named = views.map((view) => {
    const [schema = '', name = ''] = view.split('.');
    return { schema, name };
  });
  const session = await openSession(target, { purpose: 'restore', applicationName: 'test' });
  try {
    const stale = await refreshViews(session, named);
    expect(stale.map(({ view: { name } }) => name)).toEqual(['a_ft', 'b_ft']);
    expect(String(stale[0]?.error)).toContain('could not connect to server');
  } finally {
    await session.close();
  }
  expect(await server.psql('SELECT n FROM app.m0_twice', 'views')).toBe('7');
});

test('a connection that ends during a REFRESH is a failure', async () => {
  const session = await openSession(server.target('views'), {
    purpose: 'restore',
    applicationName: 'ended',
  });
  await server.psql(
    'CREATE MATERIALIZED VIEW late AS SELECT pg_sleep(20)::text WITH NO DATA',
    'views',
  );
  const kill = server.psql(
    `DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'REFRESH%late%' AND state = 'active')
       LOOP PERFORM pg_sleep(0.05), pg_stat_clear_snapshot(); END LOOP;
     PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'REFRESH%late%'; END $$`,
    'postgres',
  );
  await expect(refreshViews(session, [{ schema: 'public', name: 'late' }])).rejects.toThrow();
  await kill;
  await session.close();
});
