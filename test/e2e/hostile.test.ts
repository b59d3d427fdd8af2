import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseKey } from '../../backup-set/base/keys.ts';
import { stowage } from '../support/cli.ts';
import { configFor, DATABASE } from '../support/e2e/cluster.ts';
import { databaseContents } from '../support/e2e/compare.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../support/servers/postgres.ts';
import { quoteName } from '../support/trouble/names.ts';

/** Legal names in PostgreSQL, each a way out of a folder or of a statement for who puts names into either. */
const SCHEMAS = [
  '../../etc',
  '..',
  '/',
  'a/../../b',
  '"; DROP TABLE kept; --',
  'line\nbreak',
  '\\..\\..\\',
  '__proto__',
];
const TABLES = [
  'passwd',
  '../../etc/passwd',
  '/etc/passwd',
  '.',
  "'; DROP TABLE kept; --",
  'x\r\ny',
  '$(touch x)',
];
const TOLD = [...SCHEMAS, ...TABLES, 'DROP TABLE'];

let place: Place;
let source: TestServer;
let target: TestServer;

beforeAll(async () => {
  place = await directoryPlace();
  const [[from], [into]] = await Promise.all([
    startCluster(1, { databases: [DATABASE] }),
    startCluster(1),
  ]);
  if (from === undefined || into === undefined) throw new Error('no server was started');
  [source, target] = [from, into];
  const tables = SCHEMAS.flatMap((schema) => [
    `CREATE SCHEMA ${quoteName(schema)};`,
    ...TABLES.map((table) => {
      const name = `${quoteName(schema)}.${quoteName(table)}`;
      return `CREATE TABLE ${name} (${quoteName(table)} text); INSERT INTO ${name} VALUES ('../../x'), (E'\\n');`;
    }),
  ]);
  await source.psql(
    `CREATE TABLE kept (n int); INSERT INTO kept VALUES (1); ${tables.join('\n')}`,
    DATABASE,
  );
});
afterAll(async () => {
  await Promise.all([stopAll([source]), stopAll([target])]);
  await place?.stop();
});

test('names that lead out of folders come back as they are, and lead nowhere', async () => {
  const root = place.newRoot();
  const [from, into] = [
    await configFor(place, [source], root),
    await configFor(place, [target], root),
  ];
  const before = await readdir(place.folder);
  const backup = await stowage(['backup'], { config: from });
  expect(backup.code).toBe(0);
  const { timestamp } = backup.json;
  const name = `${quoteName('../../etc')}.${quoteName('../../etc/passwd')}`;
  const one = await stowage(['restore', timestamp, '--create', '--include-table', name], {
    config: into,
  });
  expect(one.code).toBe(0);
  await target.psql(`DROP DATABASE ${DATABASE}`);
  const restore = await stowage(['restore', timestamp, '--create'], { config: into });
  expect(restore.code).toBe(0);

  expect(await databaseContents(target, 'nobody')).toEqual(
    await databaseContents(source, 'nobody'),
  );
  expect((await databaseContents(target, 'nobody')).rows.size).toBe(
    SCHEMAS.length * TABLES.length + 1,
  );

  // Of all that was written, each file is a key of ours, and no name of a relation is in any of them.
  const folder = fileURLToPath(root);
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const keys = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(folder.length + 1));
  expect(keys.length).toBeGreaterThan(10);
  expect(keys.filter((key) => parseKey(key) === undefined)).toEqual([]);
  expect(keys.filter((key) => TOLD.some((told) => told.length > 2 && key.includes(told)))).toEqual(
    [],
  );
  expect((await readdir(place.folder)).sort()).toEqual(
    [...before, folder.split('/').at(-1)].sort(),
  );
});
