import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliResult, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

const ROWS = 3000;
const COLUMNS = { COLUMNS: '80' };

let place: Place;
let servers: TestServer[];
let second: CliResult;
let [config, first] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(1, { databases: [DATABASE] });
  const [server] = servers;
  for (const table of ['orders', 'people'])
    await server?.psql(
      `CREATE TABLE ${table} AS SELECT g AS id FROM generate_series(1, ${ROWS}) g`,
      DATABASE,
    );
  config = await configFor(place, servers, place.newRoot());
  first = (await stowage(['backup'], { config })).json.timestamp;
  await server?.psql(
    `DELETE FROM orders WHERE id > 0.59 * ${ROWS}; ALTER TABLE people ADD note text`,
    DATABASE,
  );
  second = await stowage(['backup'], { config });
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

const command = (...args: string[]): Promise<CliResult> => stowage(args, { config });

test('a backup of a table that lost rows is complete, and warns about the table', async () => {
  expect(second.code).toBe(0);
  const warning = {
    code: 'rows-fewer',
    message: `public.orders lost 41 % of its rows since set ${first}: 3,000 → 1,770 rows`,
    ...{ since: first, unit: 'rows', was: ROWS, is: 1770 },
  };
  expect(second.json).toMatchObject({ status: 'complete', problems: [], warnings: [warning] });
  const show = await command('show', second.json.timestamp);
  expect(show.json).toMatchObject({ warnings: [warning], compared: { sets: [first] } });
  const text = await stowage(['list'], { config, plain: true });
  expect(text.text).toMatch(/unusual/);
});

test('find, history, diff and log agree on what happened, and fit 80 columns', async () => {
  const { timestamp } = second.json;
  const found = await command('find', 'orders');
  expect(found.json.sets).toMatchObject([
    { timestamp, status: 'complete', tables: [{ schema: 'public', rows: 1770 }] },
    { timestamp: first, status: 'complete', tables: [{ schema: 'public', rows: ROWS }] },
  ]);
  const svg = join(place.folder, 'orders.svg');
  const options = { config, plain: true, env: COLUMNS };
  const plot = await stowage(['history', 'public.orders', '--svg', svg], options);
  expect(plot.text).toMatch(/3\.00k │█+/);
  expect(Math.max(...plot.text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(await readFile(svg, 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
  const diff = await command('diff', first, timestamp);
  expect(diff.json).toMatchObject({
    changed: [
      { name: 'orders', rows: 'differ', was: { rows: ROWS }, is: { rows: 1770 } },
      { name: 'people', definition: [{ what: 'column-added', column: 'note', type: 'text' }] },
    ],
  });
  const { json } = await command('log', '--set', timestamp);
  expect(json).toMatchObject({
    entries: [
      { what: 'backup-began' },
      { what: 'backup-complete', rows: 4770 },
      { what: 'verdict' },
    ],
  });
  expect((await command('find', 'nothing.like_it')).code).toBe(4);
});
