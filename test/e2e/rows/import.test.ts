import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { KINDS_SQL } from '../../integration/rows/kinds.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor, DATABASE } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let server: TestServer;
let [config, set] = ['', ''];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE] });
  await server.psql(KINDS_SQL, DATABASE);
  await server.psql(
    'CREATE TABLE back (LIKE kinds); CREATE TABLE small (id int, t text)',
    DATABASE,
  );
  config = await configFor(place, [server], place.newRoot());
  set = (await stowage(['backup'], { config })).json.timestamp;
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const run = (...args: string[]) => stowage(args, { config });
const rowsOf = (table: string) =>
  server.psql(`SELECT k::text FROM ${table} k ORDER BY 1`, DATABASE);

async function fileOf(name: string, text: string | Uint8Array): Promise<string> {
  const path = join(place.folder, name);
  await writeFile(path, text);
  return path;
}

describe('a table of every kind of type', () => {
  test.each([
    ['kinds.txt', []],
    ['kinds.csv.gz', ['--header']],
    ['kinds.parquet', []],
  ])('comes back from a set as it was, by %s', async (name, flags) => {
    const path = join(place.folder, name);
    const exported = await run('export', 'kinds', '--at', set, '--out', path, ...flags);
    expect(failureOf(exported)).toBeUndefined();
    const imported = await run('import', path, '--table', 'back', ...flags);
    expect(failureOf(imported)).toBeUndefined();
    expect(imported.json).toMatchObject({ status: 'imported', rows: 4 });
    expect(await rowsOf('back')).toBe(await rowsOf('kinds'));
    await server.psql('TRUNCATE back', DATABASE);
  });
});

describe('a file that is refused leaves the table as it was', () => {
  const refused = async (path: string, ...flags: string[]) => {
    const { json, code } = await run('import', path, '--table', 'small', ...flags);
    expect(await rowsOf('small')).toBe('');
    return [code, json.error.code, json.error.message];
  };

  test('when a value does not fit, with the line of the file', async () => {
    const path = await fileOf('bad.csv', 'id,t\n1,"a\nb"\nx,c\n');
    expect(await refused(path, '--header')).toEqual([
      3,
      'import/failed',
      expect.stringMatching(/bad\.csv, line 4, column id: invalid input syntax/),
    ]);
  });

  test('when its header has another column, or it is cut off', async () => {
    const other = await fileOf('other.csv', 'id,text\n1,a\n');
    expect(await refused(other, '--header')).toEqual([
      4,
      'import/refused',
      expect.stringContaining('names "text", but public.small has no such column: it has id, t'),
    ]);
    const whole = gzipSync('1\ta\n'.repeat(1000));
    const cut = await fileOf('cut.gz', whole.subarray(0, whole.length - 10));
    expect((await refused(cut)).slice(0, 2)).toEqual([3, 'import/failed']);
    const ended = await fileOf('ended.txt', '1\ta\n\\.\n2\tb\n');
    expect(await refused(ended)).toEqual([3, 'import/failed', expect.any(String)]);
  });
});
