import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { selectionSql } from '../../support/e2e/selection-data.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const execute = promisify(execFile);
let place: Place;
let server: TestServer;
let [root, config, set] = ['', '', ''];

const SQL = String.raw`
  CREATE TABLE odd ("we""ird" text, "${'\\! touch /tmp/x'}" int);
  INSERT INTO odd VALUES ('\.', 1), ('', 2), (NULL, 3), (E'a\tb\nc\\', 4);
  CREATE TABLE more (id int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (2) STORED);
  INSERT INTO more DEFAULT VALUES;
  CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM odd;
  SELECT lo_from_bytea(4711, '\x00ff414243'), lo_from_bytea(4712, '');
  COMMENT ON LARGE OBJECT 4711 IS E'x\nCOMMIT;\nBEGIN;\n';`;

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql(selectionSql(0), DATABASE);
  await server.psql(SQL, DATABASE);
  root = place.newRoot();
  config = await configFor(place, [server], root);
  set = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const dump = (...args: string[]) => stowage(['dump', set, ...args], { config });

/** Runs a script, as a user does. @returns the exit code of psql and its errors. */
async function psql(file: string, database: string): Promise<[number, string]> {
  const { port, user, binDir } = server;
  const args = ['-X', '-q', '-h', '127.0.0.1', '-p', String(port), '-U', user, '-d', database];
  return execute(join(binDir, 'psql'), [...args, '-o', '/dev/null', '-f', file]).then(
    ({ stderr }) => [0, stderr] as [number, string],
    ({ code, stderr }) => [code, stderr],
  );
}

/** All that pg_dump says of a database: rows, objects, rights, large objects. */
async function everything(database: string): Promise<string> {
  const { port, user, binDir } = server;
  const args = ['-h', '127.0.0.1', '-p', String(port), '-U', user, '-b', '--inserts', database];
  const { stdout } = await execute(join(binDir, 'pg_dump'), args, { maxBuffer: 1e9 });
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

describe('the script of a whole set', () => {
  test('makes a database that pg_dump cannot tell from the first one', async () => {
    const file = join(place.folder, 'all.sql');
    const { json, ...result } = await dump('--out', file);
    expect(failureOf({ json, ...result })).toBeUndefined();
    await server.psql('CREATE DATABASE copied TEMPLATE template0', 'postgres');
    expect(await psql(file, 'copied')).toEqual([0, '']);
    expect(await everything('copied')).toBe(await everything(DATABASE));
    const script = await readFile(file, 'utf8');
    expect(script.trimEnd().split('\n').at(-1)).toMatch(
      new RegExp(`^-- stowage dump complete: set ${set}, [\\d,]+ tables, [\\d,]+ rows$`),
    );
  });

  test('makes the same database without one transaction', async () => {
    const file = join(place.folder, 'statements.sql');
    expect(failureOf(await dump('--no-transaction', '--out', file))).toBeUndefined();
    await server.psql('CREATE DATABASE statements TEMPLATE template0', 'postgres');
    expect(await psql(file, 'statements')).toEqual([0, '']);
    expect(await everything('statements')).toBe(await everything(DATABASE));
  });

  test('that is cut off, or whose pack is damaged, makes nothing, and psql fails', async () => {
    const file = join(place.folder, 'cut.sql');
    await server.psql('CREATE DATABASE broken', 'postgres');
    const store = await place.open(root);
    const [pack] = await Array.fromAsync(store.list(`sets/${set.slice(0, 8)}/${set}/data/`));
    await store.close();
    const path = join(new URL(root).pathname, pack?.key ?? '');
    const bytes = await readFile(path);
    await writeFile(
      path,
      bytes.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
    );
    const { code, text } = await stowage(['dump', set], { config, plain: true });
    await writeFile(path, bytes);
    expect(code).toBe(3);
    await writeFile(file, text.slice(0, text.indexOf('stowage: ')));
    const [exit, errors] = await psql(file, 'broken');
    expect(exit).toBe(3);
    expect(errors).toContain('this script is incomplete: stowage dump failed with set/damaged');
    await writeFile(file, text.slice(0, text.indexOf('COPY ') + 200));
    await psql(file, 'broken');
    const left = "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace > 16384";
    expect(await server.psql(left, 'broken')).toBe('0');
  });
});

describe('the script of chosen tables', () => {
  test('has them, their sequences and what they need, and nothing else', async () => {
    const file = join(place.folder, 'chosen.sql');
    const { json, ...result } = await dump('--include-table', 'public.more', '--out', file);
    expect(failureOf({ json, ...result })).toBeUndefined();
    expect(json).toMatchObject({ status: 'dumped', rows: 1, tables: 1 });
    await server.psql('CREATE DATABASE chosen', 'postgres');
    expect(await psql(file, 'chosen')).toEqual([0, '']);
    expect(await server.psql('TABLE more', 'chosen')).toBe('1|2');
    expect(await server.psql("SELECT nextval('more_id_seq')", 'chosen')).toBe('2');
    expect(await server.psql("SELECT to_regclass('odd')", 'chosen')).toBe('');
  });

  test('is refused when a pattern matches nothing', async () => {
    const { json, code } = await dump('--include-table', 'public.mroe');
    expect([code, json.error.code]).toEqual([4, 'table/not-found']);
  });
});
