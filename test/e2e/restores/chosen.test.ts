import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../../support/cli.ts';
import { CHOSEN_SQL } from '../../support/e2e/chosen-data.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { type DatabaseContents, databaseContents } from '../../support/e2e/compare.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const ORDERS = '"the shop".orders';
let place: Place;
let servers: TestServer[];
let [config, timestamp] = ['', ''];
let before: DatabaseContents[];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(2, { databases: [DATABASE] });
  await onAll(CHOSEN_SQL);
  config = await configFor(place, servers, place.newRoot());
  before = await contents();
  timestamp = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const onAll = (sql: string, database = DATABASE) =>
  Promise.all(servers.map((server) => server.psql(sql, database)));
const contents = () => Promise.all(servers.map((server) => databaseContents(server, 'none')));
const restore = (...args: string[]): Promise<CliResult> =>
  stowage(['restore', timestamp, '--no-verify', ...args], { config });
const noted = ({ stderrEvents }: CliResult, name: string) =>
  (
    stderrEvents.find(({ event }) => event === name) as unknown as { objects: string[] }
  ).objects.toSorted();
const messagesOf = ({ json }: CliResult) =>
  (json.leftOut as unknown as { content: number; message: string }[])
    .filter(({ content }) => content === 0)
    .map(({ message }) => message);

test('a dropped table comes back with its foreign keys, views and values of sequences, and a partition in its root', async () => {
  await onAll(`DROP TABLE ${ORDERS} CASCADE; SELECT setval('kit.numbers', 3);
    DROP TABLE "the shop".log_1`);
  const tables = ['"the shop".orders', 'the shop.log_1'];
  const result = await restore(...tables.flatMap((table) => ['--include-table', table]));
  expect(failureOf(result)).toBeUndefined();
  expect(await contents()).toEqual(before);
  expect(noted(result, 'brought-back')).toEqual(
    [
      'FUNCTION the shop.orders_of(integer)',
      'VIEW the shop.big',
      'VIEW the shop.named',
      'MATERIALIZED VIEW the shop.totals',
      'VIEW public.report',
      'MATERIALIZED VIEW public.summary',
      'INDEX the shop.by_customer',
      'FK CONSTRAINT the shop.item item_order_fkey',
      'FK CONSTRAINT public.audit audited',
    ].toSorted(),
  );
});

test('a dropped schema comes back whole, with what depended on it', async () => {
  await onAll('DROP SCHEMA "the shop" CASCADE; DROP FUNCTION kit.touch()');
  const result = await restore('--include-schema', 'the shop');
  expect(failureOf(result)).toBeUndefined();
  expect(await contents()).toEqual(before);
  expect(result.stderrEvents.map(({ event }) => event)).toContain('large-objects');
});

test('what a restore brings along is listed also with --no-objects', async () => {
  await onAll('DROP TABLE kit.customer CASCADE');
  const result = await restore('--no-objects', '--no-count', '--include-table', 'kit.customer');
  expect(failureOf(result)).toBeUndefined();
  expect(await contents()).toEqual(before);
  expect(noted(result, 'brought-back')).toEqual([
    'FK CONSTRAINT the shop.orders orders_customer_fkey',
    'VIEW the shop.named',
  ]);
});

test('a foreign key whose rows are gone is listed, and everything else is restored', async () => {
  await onAll(`DROP TABLE ${ORDERS} CASCADE; INSERT INTO public.audit VALUES (51)`);
  const result = await restore('--include-table', '"the shop".orders');
  expect(result.code).toBe(3);
  expect(result.json).toMatchObject({ status: 'restored', leftOutTotal: 2 });
  expect(messagesOf(result)[0]).toMatch(/^FK CONSTRAINT public.audit audited: .*audit/);
  expect(await onAll('SELECT count(*) FROM public.summary')).toEqual(['1', '1']);
  await onAll(`DELETE FROM public.audit WHERE "order" = 51;
    ALTER TABLE public.audit ADD CONSTRAINT audited FOREIGN KEY ("order") REFERENCES ${ORDERS}`);
});

test('a schema in a new database has its needs, and lists what needs a table that is not selected', async () => {
  const args = ['--create', '--redirect-db', 'alone', '--include-schema', 'the shop'];
  const result = await restore(...args);
  expect(messagesOf(result)).toEqual([
    'VIEW the shop.named was not restored: it needs TABLE kit.customer, which is neither selected nor in the target',
    'FK CONSTRAINT the shop.orders orders_customer_fkey was not restored: it needs TABLE kit.customer, which is neither selected nor in the target',
  ]);
  expect(result.code).toBe(3);
  expect(await onAll(`SELECT count(*), max(mood) FROM ${ORDERS}`, 'alone')).toEqual(
    Array(2).fill('50|ok'),
  );
  expect(await onAll('SELECT count(*) FROM "the shop".totals', 'alone')).toEqual(['10', '10']);
  await onAll('DROP DATABASE alone', 'postgres');
});

test('the sections of a schema each list what they leave out, in the section that would make it', async () => {
  const chosen = ['--redirect-db', 'parts', '--include-schema', 'the shop'];
  const first = await restore('--create', ...chosen, '--section', 'pre-data');
  expect([first.code, first.json.status]).toEqual([3, 'restored']);
  expect(messagesOf(first)).toEqual([
    'VIEW the shop.named was not restored: it needs TABLE kit.customer, which is neither selected nor in the target',
  ]);
  const last = await restore(...chosen, '--section', 'post-data');
  expect([last.code, last.json.status]).toEqual([3, 'restored']);
  expect(messagesOf(last)).toEqual([
    'FK CONSTRAINT the shop.orders orders_customer_fkey was not restored: it needs TABLE kit.customer, which is neither selected nor in the target',
  ]);
  // As the text of need-missing advises.
  await onAll('CREATE TABLE kit.customer (id int PRIMARY KEY)', 'parts');
  const again = await restore(...chosen, '--section', 'post-data');
  expect(failureOf(again)).toBeUndefined();
  const keys = "SELECT conname FROM pg_constraint WHERE confrelid = 'kit.customer'::regclass";
  expect(await onAll(keys, 'parts')).toEqual(Array(2).fill('orders_customer_fkey'));
  await onAll('DROP DATABASE parts', 'postgres');
});

test('the sequence that a default draws from is set, and a partition comes with its root', async () => {
  const args = [
    '--create',
    '--redirect-db',
    'few',
    '--include-table',
    'public.rental',
    '--include-table',
    'the shop.log_1',
  ];
  const created = await restore(...args);
  expect(failureOf(created)).toBeUndefined();
  const insert = "INSERT INTO public.rental (v) VALUES ('new') RETURNING id";
  expect(await onAll(insert, 'few')).toEqual(['1001', '1001']);
  expect(await onAll('SELECT count(*), max(at) FROM "the shop".log', 'few')).toEqual([
    '100|99',
    '100|99',
  ]);
  await onAll("SELECT setval('public.rental_id_seq', 5)", 'few');
  const truncated = await restore(
    '--truncate',
    '--redirect-db',
    'few',
    '--include-table',
    'public.rental',
  );
  expect(failureOf(truncated)).toBeUndefined();
  expect(await onAll(insert, 'few')).toEqual(['1001', '1001']);
});
