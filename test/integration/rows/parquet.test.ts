import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { throughOne } from '../../../cli/export/live/through-one.ts';
import { formattedParquet } from '../../../cli/export/parquet/formatted.ts';
import { toFile } from '../../../cli/export/to/file.ts';
import { tableNameFrom } from '../../../cli/read-set/table-name.ts';
import { copyServer } from '../database/copy-server.ts';
import { KINDS_SQL } from './kinds.ts';

const PYTHON = resolve(import.meta.dirname, '../../../.venv/bin/python');
const hasReader = existsSync(PYTHON);
if (!hasReader) process.stderr.write('skipped: Parquet files read by DuckDB: there is no .venv\n');

const server = copyServer();
const { signal } = new AbortController();
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-parquet-'));
  await server.psql(KINDS_SQL, 'source');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(
  table: string,
  strings: readonly string[] = [],
  compression: 'none' | 'zstd' = 'zstd',
): Promise<string> {
  const path = join(folder, `${table}.parquet`);
  const exported = { rows: 0, bytes: 0 };
  await throughOne(server.target('source'), { table: tableNameFrom(table) }, { signal }, (source) =>
    toFile(formattedParquet(source, { strings, compression }, exported), path, {
      overwrite: true,
      signal,
    }),
  );
  return path;
}

/** What DuckDB reads with a query of `$file`; every value as text. */
async function duckdb(file: string, query: string): Promise<(string | null)[][]> {
  const program = `
import duckdb, json, sys
rows = duckdb.execute(sys.argv[1].replace("$file", "'" + sys.argv[2] + "'")).fetchall()
print(json.dumps([[None if v is None else str(v) for v in row] for row in rows]))`;
  const { stdout } = await promisify(execFile)(PYTHON, ['-c', program, query, file], {
    maxBuffer: 1e8,
  });
  return JSON.parse(stdout) as (string | null)[][];
}

async function psqlRows(query: string): Promise<(string | null)[][]> {
  const json = await server.psql(
    `SELECT coalesce(json_agg(to_json(array[${query}])), '[]') FROM kinds`,
    'source',
  );
  return JSON.parse(json) as (string | null)[][];
}

describe.skipIf(!hasReader)('DuckDB', () => {
  it('reads the values of every type as PostgreSQL has them', async () => {
    const file = await written('kinds');
    const asNumbers = await duckdb(
      file,
      `SELECT b::int, i2, i4, i8, n, big, day - DATE '1970-01-01', epoch_us(ts), epoch_us(tz), hex("by"), u FROM $file`,
    );
    const lower = asNumbers.map((row) =>
      row.map((value, at) => (at === 9 ? (value?.toLowerCase() ?? null) : value)),
    );
    expect(lower).toEqual(
      await psqlRows(`b::int::text, i2::text, i4::text, i8::text, n::text, big::text,
        (day - date '1970-01-01')::text, (extract(epoch FROM ts) * 1000000)::numeric(30)::text,
        (extract(epoch FROM tz) * 1000000)::numeric(30)::text, encode(by, 'hex'), u::text`),
    );
    const floats = await duckdb(file, 'SELECT r, d FROM $file');
    const number = (value: string | null) =>
      value === null ? null : Number(value.replace('inf', 'Infinity').replace('nan', 'NaN'));
    const wanted = await psqlRows('r::float8::text, d::text');
    expect(floats.map((row) => row.map(number))).toEqual(
      wanted.map((row) => row.map((value) => (value === null ? null : Number(value)))),
    );
    const strings = 't, vc, c, free, wide, a, j, jb, comp, rng, iv, e, m, x, net, bits, tim';
    const texts = strings
      .split(', ')
      // A cast to text is not what COPY writes of these two.
      .map(
        (name) =>
          ({ c: 'rpad(c::text, 4)', net: 'replace(net::text, $$::1/128$$, $$::1$$)' })[name] ??
          `${name}::text`,
      )
      .join(', ');
    expect(await duckdb(file, `SELECT ${strings} FROM $file`)).toEqual(await psqlRows(texts));
  });

  it('sees the types that docs/export.md lists', async () => {
    const types = await duckdb(
      await written('kinds'),
      'SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM $file)',
    );
    expect(Object.fromEntries(types)).toMatchObject({
      b: 'BOOLEAN',
      i2: 'SMALLINT',
      i4: 'INTEGER',
      i8: 'BIGINT',
      r: 'FLOAT',
      d: 'DOUBLE',
      n: 'DECIMAL(12,3)',
      big: 'DECIMAL(38,10)',
      free: 'VARCHAR',
      wide: 'VARCHAR',
      day: 'DATE',
      ts: 'TIMESTAMP',
      tz: 'TIMESTAMP WITH TIME ZONE',
      by: 'BLOB',
      u: 'UUID',
      a: 'VARCHAR',
      jb: 'VARCHAR',
    });
  });

  it('reads many row groups, and a table without rows', async () => {
    await server.psql(
      `CREATE TABLE many AS SELECT i, repeat('x', 300) || i AS t FROM generate_series(1, 60000) i`,
      'source',
    );
    const query = 'SELECT count(*), count(DISTINCT t), sum(i) FROM $file';
    expect(await duckdb(await written('many', [], 'none'), query)).toEqual([
      ['60000', '60000', '1800030000'],
    ]);
    const groups = 'SELECT count(DISTINCT row_group_id) FROM parquet_metadata($file)';
    expect(Number((await duckdb(join(folder, 'many.parquet'), groups))[0]?.[0])).toBeGreaterThan(1);
    expect(await duckdb(await written('empty'), 'SELECT count(*) FROM $file')).toEqual([['0']]);
  });
});

it('a value that a type of Parquet cannot hold is an error with row and column', async () => {
  await server.psql(
    `CREATE TABLE unfit (id int, at timestamp); INSERT INTO unfit VALUES (1, now()), (2, 'infinity')`,
    'source',
  );
  await expect(written('unfit')).rejects.toMatchObject({
    code: 'export/value',
    message: 'row 2: column at has "infinity", which its type in Parquet cannot hold',
  });
  await expect(written('unfit', ['at'])).resolves.toContain('unfit.parquet');
});
