import { afterAll, beforeAll, expect, test } from 'vitest';
import { stowage } from '../../support/cli.ts';
import { configFor, DATABASE, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { type PgBouncer, startPgBouncer } from '../../support/servers/pgbouncer.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let server: TestServer;
let pooler: PgBouncer;
let [direct, pooled, timestamp] = ['', '', ''];

/** Of 100 rows, a policy shows 50 to the role of the backup unless row_security is off. */
const HALF_HIDDEN = `
  CREATE ROLE keeper LOGIN;
  CREATE TABLE public.secret (id int, open boolean);
  INSERT INTO public.secret SELECT n, n % 2 = 0 FROM generate_series(1, 100) n;
  ALTER TABLE public.secret ENABLE ROW LEVEL SECURITY;
  ALTER TABLE public.secret OWNER TO keeper;
  ALTER TABLE public.secret FORCE ROW LEVEL SECURITY;
  CREATE POLICY half ON public.secret USING (open);
  GRANT CREATE ON DATABASE ${DATABASE} TO keeper;`;

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql(HALF_HIDDEN, DATABASE);
  pooler = await startPgBouncer(server, ['keeper']);
  const root = place.newRoot();
  direct = await configFor(place, [server], root);
  pooled = await configFor(place, [{ ...server, port: pooler.port }], root);
  timestamp = (await stowage(['backup'], { config: direct })).json.timestamp;
});
afterAll(async () => {
  await pooler?.stop();
  await server?.stop();
  await place?.stop();
});

/** The pooler keeps its own connections open. */
const closesAll = async () => {
  await pooler.stop();
  expect(await leftoversOnAll([server])).toEqual([]);
};

test.each([
  ['a backup', ['backup'], 'keeper'],
  ['a backup by a superuser', ['backup'], ''],
  ['a restore', ['restore', 'TIMESTAMP', '--create', '--database', 'other'], ''],
])('%s through PgBouncer is refused, and names the content', async (_, words, user) => {
  const args = words.map((word) => (word === 'TIMESTAMP' ? timestamp : word));
  const { code, json, text } = await stowage(args, {
    config: pooled,
    env: user === '' ? {} : { PGUSER: user },
  });
  expect(text).toContain('is a connection pooler, not a server: process ');
  expect(json.error).toMatchObject({ code: 'database/pooled', where: { content: 0 } });
  expect(code).toBe(6);
});

test('doctor names the pooler, and no session stays behind', async () => {
  const { code, text } = await stowage(['doctor'], { config: pooled });
  expect(text).toContain('is a connection pooler, not a server');
  expect(code).not.toBe(0);
  await closesAll();
});
