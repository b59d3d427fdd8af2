import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesOfFolder } from '../../../cli/adopt/files/folder.ts';
import { inputOf, inputOfStdin } from '../../../cli/adopt/pgdump/input.ts';
import { judgeDump } from '../../../cli/adopt/pgdump/judge.ts';
import { openDump } from '../../../cli/adopt/pgdump/open-dump.ts';
import { quoteQualified } from '../../../database/session/quote.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const signal = new AbortController().signal;
const SQL = [
  `CREATE SCHEMA "Odd Schema"`,
  `CREATE TABLE "Odd Schema"."T ""1""" ("select" integer, "B b" text)`,
  `INSERT INTO "Odd Schema"."T ""1""" SELECT g, E'\\\\.\\n' || repeat('x', g) FROM generate_series(1, 50) g`,
  `CREATE TABLE kinds (i int, n numeric, f float8, b boolean, t text, y bytea, v bit varying, a text[], j jsonb, g int GENERATED ALWAYS AS (i + 1) STORED, always int GENERATED ALWAYS AS IDENTITY)`,
  `INSERT INTO kinds VALUES (-1, -1.50, '-Infinity', true, E'a''b\\\\c\\t\\n', '\\x00ff27', '101', '{NULL,"a b"}', '{"a": "\\""}'), (NULL, 'NaN', 1e-300, false, '', '', '', '{}', 'null'), (2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)`,
  `CREATE TABLE empty_table (a int)`,
  `CREATE TABLE no_columns ()`,
  `INSERT INTO no_columns DEFAULT VALUES`,
  `CREATE TABLE part (at date, v text) PARTITION BY RANGE (at)`,
  `CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
  `INSERT INTO part SELECT date '2026-01-01' + g, 'COPY x (a) FROM stdin;' FROM generate_series(0, 99) g`,
  `CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM part`,
  `CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC INSERT INTO kinds (i) VALUES (1); SELECT CASE WHEN true THEN 1 ELSE 2 END; END`,
  `SELECT lo_from_bytea(4711, '\\x00ff27'), lo_create(4712), lo_from_bytea(4713, convert_to(repeat('lo', 30000), 'UTF8'))`,
];

let server: TestServer;
let folder: string;
let expected: Record<string, string>;

beforeAll(async () => {
  [server, folder] = await Promise.all([
    startPostgres({ databases: ['shop'] }),
    mkdtemp(join(tmpdir(), 'stowage-pg-dump-')),
  ]);
  await server.psql(SQL.join(';\n'), 'shop');
  expected = {};
  for (const [schema, name, columns] of [
    ['Odd Schema', 'T "1"', 'select,B b'],
    ['public', 'kinds', 'i,n,f,b,t,y,v,a,j,always'],
    ['public', 'empty_table', 'a'],
    ['public', 'no_columns', ''],
    ['public', 'part_1', 'at,v'],
  ] as const)
    expected[`${schema}.${name} ${columns}`] = await tool(
      'psql',
      ...['-X', '-d', 'shop', '-c', `COPY ${quoteQualified({ schema, name })} TO STDOUT`],
    );
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function tool(name: string, ...args: string[]): Promise<string> {
  const { host, port, user } = server;
  const env = { PATH: process.env['PATH'], PGHOST: host, PGPORT: String(port), PGUSER: user };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(join(server.binDir, name), args, options)).stdout;
}

async function dumped(name: string, ...options: string[]): Promise<string> {
  await tool('pg_dump', ...options, '--file', join(folder, name), 'shop');
  return name;
}

async function hasLz4(): Promise<boolean> {
  const found = await promisify(execFile)('lz4', ['--version']).catch(() => undefined);
  if (found === undefined)
    process.stderr.write('not run: scripts that lz4 has compressed (no lz4)\n');
  return found !== undefined;
}

const input = (name: string) => inputOf(filesOfFolder(folder), name, signal);

/** The rows of every table, and how many bytes its archive of large objects has. */
async function rowsOf(name: string, from = input(name)) {
  const rows: Record<string, string> = {};
  let objects = '';
  for await (const database of (await openDump(await from)).databases())
    for await (const part of database.parts()) {
      const chunks = 'file' in part ? part.chunks : part.rows;
      const text = Buffer.concat(await Array.fromAsync(chunks)).toString();
      if ('file' in part) objects = text;
      else rows[`${part.schema}.${part.name} ${part.columns.join()}`] = text;
    }
  return { rows, objects };
}

const FORMATS = [
  ['custom', 'c.dump', ['--format=custom']],
  ['custom, not compressed', 'c0.dump', ['--format=custom', '--compress=0']],
  ['directory', 'd.dir', ['--format=directory']],
  ['tar', 't.tar', ['--format=tar']],
  ['plain', 'p.sql', ['--format=plain']],
  ['plain, compressed', 'p.sql.gz', ['--format=plain', '--compress=6', '--create', '--clean']],
  ['plain, verbose', 'v.sql', ['--format=plain', '--verbose']],
  ['plain with inserts', 'i.sql', ['--inserts', '--rows-per-insert=2']],
  ['plain with named columns', 'n.sql', ['--column-inserts']],
  ['custom with inserts', 'i.dump', ['--format=custom', '--inserts']],
  ['directory with inserts', 'e.dir', ['--format=directory', '--compress=0', '--inserts']],
  ['tar with inserts', 'e.tar', ['--format=tar', '--inserts', '--rows-per-insert=3']],
] as const;

describe.each(FORMATS)('a dump in the format %s', (_, name, options) => {
  test('gives the rows that the server has, byte by byte, and large objects', async () => {
    await dumped(name, ...options);
    const { rows, objects } = await rowsOf(name);
    // A table without rows has no INSERT.
    const wanted = options.some((option) => option.endsWith('inserts'))
      ? Object.entries(expected).filter(([, text]) => text !== '')
      : Object.entries(expected);
    expect(rows).toEqual(Object.fromEntries(wanted));
    expect(objects).toMatch(/^PGDMP/);
    expect(objects).toContain('lololo');
    const { problems, databases } = await judgeDump(await input(name));
    expect(problems).toEqual([]);
    expect(databases.map(({ facts }) => facts.refresh)).toEqual([
      [{ schema: 'public', name: 'counted' }],
    ]);
  });
});

test('a script that zstd has compressed is read, and standard input is read once', async () => {
  const name = await dumped('z.sql', '--format=plain');
  const bytes = await readFile(join(folder, name));
  await writeFile(join(folder, 'z.sql.zst'), zstdCompressSync(bytes));
  expect((await rowsOf('z.sql.zst')).rows).toEqual(expected);
  const stdin = inputOfStdin(createReadStream(join(folder, 'z.sql.zst')), signal);
  expect((await rowsOf('', Promise.resolve(stdin))).rows).toEqual(expected);
});

test.runIf(await hasLz4())('a script that lz4 has compressed is read', async () => {
  const name = await dumped('l.sql', '--format=plain');
  for (const option of ['-1', '-B4D', '--content-size']) {
    const args = ['-qf', option, join(folder, name), join(folder, `${name}.lz4`)];
    await promisify(execFile)('lz4', args);
    expect((await rowsOf(`${name}.lz4`)).rows).toEqual(expected);
  }
});

test('a dump that ends early is not sound, wherever it is cut', async () => {
  for (const [, name, options] of FORMATS.filter(([, one]) => /^[ctpi]\.|gz$/.test(one))) {
    await dumped(name, ...options);
    const path = join(folder, name);
    const whole = await readFile(path);
    const lengths = [1, 40, 0.3, 0.6, 0.9].map((part) =>
      part < 1 ? Math.floor(whole.length * part) : whole.length - part,
    );
    // The last bytes of a script are empty lines, and those of a tar file are zeros.
    for (const length of /\.(?:sql|tar)$/.test(name) ? lengths.slice(2) : lengths) {
      await truncate(path, length);
      const found = await judgeDump(await input(name)).then(
        ({ problems }) => problems.map(({ message }) => message),
        (error: Error) => [error.message],
      );
      expect([name, length, found]).toEqual([name, length, [expect.stringMatching(/./)]]);
      await writeFile(path, whole);
    }
  }
});

test('a file of a directory that is missing or damaged is named, and --partial takes the others', async () => {
  const name = await dumped('bad.dir', '--format=directory');
  const files = (await readdir(join(folder, name))).filter((file) => /^\d+\.dat/.test(file));
  const sizes = await Promise.all(
    files.map(async (file) => [(await readFile(join(folder, name, file))).length, file] as const),
  );
  const [, largest = ''] = sizes.sort(([a], [b]) => b - a)[0] ?? [];
  await cp(join(folder, name), join(folder, 'cut.dir'), { recursive: true });
  await rm(join(folder, name, largest));
  await truncate(join(folder, 'cut.dir', largest), 30);
  for (const [at, reason] of [
    [name, 'is missing'],
    ['cut.dir', 'it is cut off'],
  ] as const) {
    const { problems, databases } = await judgeDump(await input(at));
    expect(problems).toEqual([{ file: at, message: expect.stringContaining(reason) }]);
    const [only] = databases;
    expect(only?.relations).toHaveLength(Object.keys(expected).length - 1);
    expect(only?.lacking).toHaveLength(1);
  }
});

test('a script of pg_dumpall has each database, and globals without passwords', async () => {
  await server.psql(`CREATE ROLE "with password" PASSWORD 'secret'`, 'postgres');
  await tool('pg_dumpall', '--file', join(folder, 'all.sql'));
  const { tool: found, databases, globals, problems } = await judgeDump(await input('all.sql'));
  expect([found, problems]).toEqual(['pg_dumpall', []]);
  expect(databases.map(({ facts }) => facts.database)).toContain('shop');
  expect(globals?.toString()).toContain('CREATE ROLE "with password"');
  expect(globals?.toString()).not.toContain('PASSWORD');
  const path = join(folder, 'all.sql');
  const text = await readFile(path, 'utf8');
  const end = text.lastIndexOf('-- PostgreSQL database cluster dump complete');
  await writeFile(path, text.slice(0, end));
  expect((await judgeDump(await input('all.sql'))).problems).toEqual([
    { file: 'all.sql', message: expect.stringContaining('cluster dump complete') },
  ]);
});
