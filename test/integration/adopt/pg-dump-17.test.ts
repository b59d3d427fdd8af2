import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnsoundScript } from '../../../cli/adopt/script/unsound.ts';
import { databasesOf, dumpIn, type ReadDatabase } from '../../support/adopt/read-dump.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';

const binDir = await postgres17();

/** pg_dump 17 has a group of large objects per owner and rights. Some have no bytes. */
const OBJECTS = [
  `SELECT lo_from_bytea(g, convert_to('object ' || g, 'UTF8')) FROM generate_series(10001, 10004) g`,
  `SELECT lo_from_bytea(20001, convert_to(repeat('lo', 40000), 'UTF8')), lo_create(20002), lo_from_bytea(20003, '\\x00ff27')`,
  `ALTER LARGE OBJECT 20001 OWNER TO keeper`,
  `ALTER LARGE OBJECT 20002 OWNER TO keeper`,
  `GRANT SELECT ON LARGE OBJECT 20003 TO reader`,
  `COMMENT ON LARGE OBJECT 20003 IS 'with rights'`,
];
const SQL = [
  `CREATE SCHEMA sales`,
  `CREATE TABLE sales.customers (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "E mail" text UNIQUE NULLS NOT DISTINCT, note text STORAGE EXTERNAL COMPRESSION pglz)`,
  `INSERT INTO sales.customers ("E mail", note) SELECT E'\\\\.\\n' || g, CASE WHEN g % 3 > 0 THEN repeat('ä', g) END FROM generate_series(1, 500) g`,
  `CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY, customer int REFERENCES sales.customers, day date, y bytea) PARTITION BY RANGE (day)`,
  `CREATE TABLE sales.orders_1 PARTITION OF sales.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
  `INSERT INTO sales.orders (customer, day, y) SELECT 1 + g % 100, date '2026-01-01' + g % 300, sha256(g::text::bytea) FROM generate_series(1, 5000) g`,
  `CREATE INDEX ON sales.orders (day)`,
  `GRANT MAINTAIN ON sales.orders TO reader`,
  `CREATE TABLE no_columns ()`,
  `INSERT INTO no_columns DEFAULT VALUES`,
  `CREATE MATERIALIZED VIEW sales.days AS SELECT day, count(*) FROM sales.orders GROUP BY day`,
  ...OBJECTS,
];
const COLUMNS = {
  'sales.customers': 'id,E mail,note',
  'sales.orders_1': 'id,customer,day,y',
  'public.no_columns': '',
};

let server: TestServer;
let folder: string;
let expected: Record<string, string>;

beforeAll(async () => {
  if (binDir === undefined) return;
  [server, folder] = await Promise.all([
    startPostgres({ binDir }),
    mkdtemp(join(tmpdir(), 'stowage-pg-dump-17-')),
  ]);
  await server.psql(`CREATE ROLE keeper; CREATE ROLE reader`);
  await server.psql(
    `CREATE DATABASE shop TEMPLATE template0 ENCODING UTF8 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'`,
  );
  await server.psql(SQL.join(';\n'), 'shop');
  expected = {};
  for (const [name, columns] of Object.entries(COLUMNS))
    expected[`${name} ${columns}`] = await copyOf(name, 'shop');
});

afterAll(async () => {
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function tool(name: string, ...args: string[]): Promise<string> {
  const { host, port, user } = server;
  const env = { PATH: process.env['PATH'], PGHOST: host, PGPORT: String(port), PGUSER: user };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(join(server.binDir, name), args, options)).stdout;
}

const copyOf = (table: string, database: string) =>
  tool('psql', '-X', '-d', database, '-c', `COPY ${table} TO STDOUT`);

const schemaOf = async (database: string) =>
  (await tool('pg_dump', '--schema-only', database)).replaceAll(/^\\(un)?restrict .*\n/gm, '');

const objectsOf = (database: string) =>
  server.psql(
    `SELECT oid, lomowner::regrole, lomacl, obj_description(oid, 'pg_largeobject'), md5(lo_get(oid)) FROM pg_largeobject_metadata ORDER BY oid`,
    database,
  );

const COMPRESSIONS = ['none', 'gzip:9', 'lz4', 'zstd:level=5'];
const FORMATS = [
  ['custom', COMPRESSIONS],
  ['directory', COMPRESSIONS],
  ['tar', ['none']],
  ['plain', COMPRESSIONS],
] as const;

async function expectRestorable(
  archives: { readonly schema: Buffer; readonly objects: Buffer } | undefined,
  database: string,
): Promise<void> {
  await tool('createdb', '--template', 'template0', database);
  for (const [name, bytes] of Object.entries(archives ?? {})) {
    if (!Buffer.isBuffer(bytes)) continue;
    await writeFile(join(folder, name), bytes);
    await tool('pg_restore', '--exit-on-error', '--dbname', database, join(folder, name));
  }
  expect(await schemaOf(database)).toBe(await schemaOf('shop'));
  expect(await objectsOf(database)).toBe(await objectsOf('shop'));
}

/** The rows of the largest table in a directory. */
async function largestIn(path: string): Promise<string> {
  const files = (await readdir(path)).filter((name) => /^\d+\.dat/.test(name));
  const sized = await Promise.all(
    files.map(async (name) => ({ name, bytes: (await stat(join(path, name))).size })),
  );
  return sized.sort((a, b) => b.bytes - a.bytes)[0]?.name ?? '';
}

describe.runIf(binDir !== undefined)('of PostgreSQL 17', () => {
  test.each(FORMATS)(
    'a dump in the format %s gives the rows of the server with each compression, and archives that restore',
    async (format, compressions) => {
      let last: ReadDatabase | undefined;
      for (const compress of compressions) {
        const name = `${format}-${compress}`;
        const path = join(folder, name);
        const options = compress === 'none' ? ['-Z0'] : ['--compress', compress];
        await tool('pg_dump', '--format', format, ...options, '--file', path, 'shop');
        const databases = await databasesOf(await dumpIn(folder, name));
        expect(databases.map(({ database, rows }) => [name, database, rows])).toEqual([
          [name, format === 'plain' ? undefined : 'shop', expected],
        ]);
        last = databases[0];
      }
      await expectRestorable(last, `copy_${format}`);
    },
  );

  test.each(['gzip', 'lz4', 'zstd'])(
    'a dump with compression %s that is cut off is not sound',
    async (compress) => {
      for (const format of ['custom', 'plain', 'directory']) {
        const name = `cut-${format}-${compress}`;
        const path = join(folder, name);
        await tool('pg_dump', '--format', format, '-Z', compress, '--file', path, 'shop');
        const file = format === 'directory' ? join(path, await largestIn(path)) : path;
        const whole = await readFile(file);
        for (const lost of [1, 4, 40, Math.floor(whole.length / 2), whole.length]) {
          await truncate(file, whole.length - lost);
          const read = dumpIn(folder, name).then(databasesOf);
          const outcome = await read.then(
            () => 'sound',
            (error: unknown) => error instanceof UnsoundScript,
          );
          expect([name, lost, outcome]).toEqual([name, lost, true]);
          await writeFile(file, whole);
        }
      }
    },
  );

  test('a script of pg_dumpall gives the rows and objects of each of its databases', async () => {
    await server.psql('CREATE DATABASE "Other one"');
    await server.psql(
      `CREATE TABLE t AS SELECT g AS id, repeat('x', g) AS v FROM generate_series(1, 99) g; SELECT lo_from_bytea(10001, 'of another database')`,
      'Other one',
    );
    await tool('pg_dumpall', '--file', join(folder, 'all.sql'));
    const all = await databasesOf(await dumpIn(folder, 'all.sql'));
    const other = { 'public.t id,v': await copyOf('t', 'Other one') };
    const rows = all.map((one) => [one.database, one.rows]);
    expect(rows).toContainEqual(['Other one', other]);
    expect(rows).toContainEqual(['shop', expected]);
    await expectRestorable(
      all.find(({ database }) => database === 'shop'),
      'copy_all',
    );
  });
});
