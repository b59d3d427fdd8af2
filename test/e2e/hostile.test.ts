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

/** Legal names in PostgreSQL that would escape from a path or a statement if used unquoted. */
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
const FORBIDDEN_IN_KEYS = [...SCHEMAS, ...TABLES, 'DROP TABLE'];

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

test('relations whose names contain path or SQL syntax are restored unchanged, and their names appear in no object key', async () => {
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

  // Every file is an object with a valid key, and no key contains the name of a relation.
  const folder = fileURLToPath(root);
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const keys = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name).slice(folder.length + 1));
  expect(keys.length).toBeGreaterThan(10);
  expect(keys.filter((key) => parseKey(key) === undefined)).toEqual([]);
  const isForbidden = (key: string) =>
    FORBIDDEN_IN_KEYS.some((name) => name.length > 2 && key.includes(name));
  expect(keys.filter(isForbidden)).toEqual([]);
  expect((await readdir(place.folder)).sort()).toEqual(
    [...before, folder.split('/').at(-1)].sort(),
  );
});
