import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { failureOf, stowage, writeConfig } from '../../support/cli.ts';
import { testKeys } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { blocksOf, sectionsOf } from '../../support/page-blocks.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { rowDigests } from '../../support/row-digests.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { shell, substituted } from '../runbooks/page.ts';

const PAGE = new URL('../../../docs/migrating.md', import.meta.url);
const SQL = [
  'CREATE SCHEMA sales',
  'CREATE TABLE sales.customers (id serial PRIMARY KEY, email text UNIQUE)',
  'CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY, customer integer REFERENCES sales.customers, day date) PARTITION BY RANGE (day)',
  `CREATE TABLE sales.orders_1 PARTITION OF sales.orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
  'CREATE INDEX orders_day ON sales.orders (day)',
  'CREATE MATERIALIZED VIEW sales.days AS SELECT day, count(*) FROM sales.orders GROUP BY day',
  `INSERT INTO sales.customers (email) SELECT E'\\\\.\\n' || g FROM generate_series(1, 100) g`,
  `INSERT INTO sales.orders (customer, day) SELECT 1 + g % 100, date '2026-01-01' + g % 300 FROM generate_series(1, 1000) g`,
  'REFRESH MATERIALIZED VIEW sales.days',
  `SELECT lo_from_bytea(4711, '\\x00ff')`,
  `COMMENT ON LARGE OBJECT 4711 IS 'a large object'`,
];

let place: Place;
let server: TestServer;
let config: string;

beforeAll(async () => {
  [place, server] = await Promise.all([directoryPlace(), startPostgres({ databases: ['shop'] })]);
  config = await writeConfig(join(place.folder, 'postgres.yaml'), {
    cluster: 'e2e',
    flavour: 'shards',
    root: place.newRoot(),
    database: 'shop',
    segments: [{ content: 0, host: server.host, port: server.port }],
    connection: { user: server.user, binDir: server.binDir },
    functions: 'inline',
  });
  await server.psql(SQL.join(';\n'), 'shop');
});

afterAll(async () => {
  await Promise.all([server?.stop(), place?.stop()]);
});

async function tool(name: string, ...args: string[]): Promise<string> {
  return (await promisify(execFile)(join(server.binDir, name), args, { env: env() })).stdout;
}

const env = () => ({
  PATH: `${join(place.folder, 'bin')}:${server.binDir}:/usr/bin:/bin`,
  PGHOST: server.host,
  PGPORT: String(server.port),
  PGUSER: server.user,
});

async function schemaOf(database: string): Promise<string> {
  const dump = await tool('pg_dump', '--schema-only', '--dbname', database);
  return dump.replaceAll(/^\\(un)?restrict .*\n/gm, '');
}

async function expectCopy(timestamp: string, database: string, by = config): Promise<void> {
  const args = ['restore', timestamp, '--create', '--redirect-db', database];
  expect(failureOf(await stowage(args, { config: by }))).toBeUndefined();
  expect(await schemaOf(database)).toBe(await schemaOf('shop'));
  expect(await rowDigests(server, database)).toEqual(await rowDigests(server, 'shop'));
  const objects = `SELECT loid, obj_description(loid, 'pg_largeobject'), lo_get(loid) FROM pg_largeobject`;
  expect(await server.psql(objects, database)).toBe(await server.psql(objects, 'shop'));
}

test('a script of pg_dump is adopted and restored with all definitions, rows and large objects', async () => {
  const path = join(place.folder, 'shop.sql');
  await tool('pg_dump', '--file', path, 'shop');
  const missing = await stowage(['adopt', 'pg_dump', path], { config });
  expect([missing.code, missing.text]).toEqual([2, expect.stringContaining('--timestamp')]);
  const args = ['adopt', 'pg_dump', path, '--timestamp', '20260102030405'];
  expect(failureOf(await stowage(args, { config }))).toBeUndefined();
  await expectCopy('20260102030405', 'from_script');
});

test('an unsound dump is refused, and with --partial it is an incomplete set', async () => {
  const path = join(place.folder, 'cut.sql');
  const text = await tool('pg_dump', 'shop');
  await writeFile(path, text.slice(0, text.indexOf('PostgreSQL database dump complete') - 3));
  const args = ['adopt', 'pg_dump', path, '--timestamp', '20260102030406'];
  const refused = await stowage(args, { config });
  expect([refused.code, refused.text]).toEqual([
    3,
    expect.stringContaining('cut.sql: it is cut off'),
  ]);
  const partial = await stowage([...args, '--partial'], { config });
  expect(partial.code, partial.text).toBe(3);
  expect(partial.json).toMatchObject({ status: 'incomplete' });
});

test('a dump is adopted into an encrypted set, from a file and from a pipe', async () => {
  const keys = await testKeys(place.folder);
  const root = place.newRoot();
  const plain = parse(await readFile(config, 'utf8')) as Readonly<Record<string, unknown>>;
  const configOf = (name: string, mayRead: boolean) =>
    writeConfig(join(place.folder, name), { ...plain, root, encryption: keys.section(mayRead) });
  const [adopts, reads] = [
    await configOf('adopts.yaml', false),
    await configOf('reads.yaml', true),
  ];
  const path = join(place.folder, 'sealed.dump');
  await tool('pg_dump', '--format=custom', '--file', path, 'shop');
  const timestamps = ['20260102030407', '20260102030408'];
  const args = ['adopt', 'pg_dump', path, '--timestamp', timestamps[0] ?? ''];
  expect(failureOf(await stowage(args, { config: adopts }))).toBeUndefined();
  const pipe = `'${process.execPath}' '${STOWAGE}' adopt pg_dump - --timestamp ${timestamps[1]} --config '${adopts}'`;
  await promisify(execFile)('sh', ['-c', `cat '${path}' | ${pipe}`], { env: env() });
  const store = await place.open(root);
  for await (const { key } of store.list('sets/')) {
    const bytes = Buffer.from(await store.read(key, { bytesMax: 1e8 }));
    expect(bytes.includes('PGDMP') || bytes.includes('2026-01-01'), key).toBe(false);
    if (key.endsWith('.pack')) expect(bytes.readUInt32BE(0)).not.toBe(0x28b52ffd);
  }
  for (const [at, timestamp] of timestamps.entries()) {
    const refused = await stowage(['restore', timestamp, '--create', '--redirect-db', 'never'], {
      config: adopts,
    });
    expect(refused.json.error.code).toBe('encryption/no-identity');
    await expectCopy(timestamp, `sealed_${at}`, reads);
  }
});

test('the steps of docs/migrating.md adopt an archive and a pipe of pg_dumpall, and restore it', async () => {
  await mkdir(join(place.folder, 'bin'));
  const program = join(place.folder, 'bin', 'stowage');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${STOWAGE}' "$@"\n`);
  await chmod(program, 0o755);
  await tool('pg_dump', '--format=custom', '--file', join(place.folder, 'shop.dump'), 'shop');
  const blocks = blocksOf(sectionsOf(await readFile(PAGE, 'utf8')).get('From pg_dump') ?? '', 'sh');
  const [file = '', pipe = ''] = blocks;
  const ofFile = substituted(file, { '/dumps/shop.dump': join(place.folder, 'shop.dump') });
  for (const script of [ofFile, pipe]) {
    const adopted = await shell(script, place.folder, env());
    expect(adopted.code, adopted.text).toBe(0);
  }
  const all = await stowage(['list'], { config });
  const ours = all.json.sets.filter(({ timestamp }) => timestamp.startsWith('2026013112'));
  expect(ours.map(({ status }) => status)).toContain('complete');
  const own = all.text.match(/"timestamp":"(2026013112\d{4})"[^{}]*"database":"shop"/)?.[1];
  await expectCopy(own ?? ours.at(-1)?.timestamp ?? '', 'from_pipe');
});
