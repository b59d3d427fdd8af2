import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, startStowage, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** Building the index and refreshing the view are silent until they are canceled: then they end. */
const functionThat = (works: string) =>
  `CREATE OR REPLACE FUNCTION public.slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS
     'BEGIN ${works} RETURN $1; EXCEPTION WHEN query_canceled THEN RETURN $1; END';`;
const SLOW = `
  ${functionThat('')}
  CREATE TABLE public.one AS SELECT 1 AS id;
  CREATE INDEX slowly ON public.one (public.slow(id));
  CREATE MATERIALIZED VIEW public.summary AS SELECT public.slow(id) FROM public.one;
  ${functionThat('PERFORM pg_sleep(3600);')}`;
const WAKE = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'`;

let place: Place;
let server: TestServer;
let [patient, config] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql(SLOW, DATABASE);
  const root = place.newRoot();
  patient = await configFor(place, [server], root);
  config = await configFor(place, [server], root, { stallSeconds: 1 });
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

test('a restore whose server builds an index and refreshes a view in silence goes on, and says so', async () => {
  const backup = await stowage(['backup'], { config: patient });
  expect(failureOf(backup)).toBeUndefined();
  const { timestamp } = backup.json;
  const args = ['restore', timestamp, '--create', '--database', 'again'];
  const restoring = startStowage(args, { config });
  restoring.onEvent(({ event }) => event === 'silent' && void server.psql(WAKE));
  const restore = await restoring.ended;
  expect(failureOf(restore)).toBeUndefined();
  const notes = restore.stderrEvents.filter(({ event }) => event === 'silent');
  const messages = notes.map(({ content, message }) => `${content}: ${message}`).join('\n');
  for (const what of ['pg_restore', '"REFRESH MATERIALIZED VIEW'])
    expect(messages).toContain(
      `0: content 0 (${server.host}:${server.port}/again) has not answered ${what}`,
    );
  expect(await server.psql('SELECT count(*) FROM public.summary', 'again')).toBe('1');
  expect(
    await server.psql(`SELECT count(*) FROM pg_indexes WHERE indexname = 'slowly'`, 'again'),
  ).toBe('1');
});
