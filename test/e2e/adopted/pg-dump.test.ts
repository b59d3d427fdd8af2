import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage, writeConfig } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { rowDigests } from '../../support/row-digests.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { troubleSchema } from '../../support/trouble/trouble.ts';

let place: Place;
let server: TestServer;
let root: string;
let config: string;

beforeAll(async () => {
  [place, server] = await Promise.all([directoryPlace(), startPostgres({ databases: ['original'] })]);
  root = place.newRoot();
  config = await writeConfig(join(place.folder, 'one-server.yaml'), {
    cluster: 'e2e',
    flavour: 'shards',
    root,
    database: 'original',
    segments: [{ content: 0, host: server.host, port: server.port }],
    connection: { user: server.user, binDir: server.binDir },
    functions: 'inline',
  });
  for (const sql of troubleSchema({ content: 0, rolePrefix: 'dump_' }))
    await server.psql(sql, 'original');
});

afterAll(async () => {
  await Promise.all([server?.stop(), place?.stop()]);
});

async function tool(name: string, ...args: string[]): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    LC_ALL: 'C.UTF-8',
  };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  return (await promisify(execFile)(join(server.binDir, name), args, options)).stdout;
}

async function schemaOf(database: string): Promise<string> {
  const dump = await tool('pg_dump', '--schema-only', '--dbname', database);
  return dump.replaceAll(/^\\(un)?restrict .*\n/gm, '');
}

const OBJECTS =
  'SELECT loid, md5(string_agg(data, NULL ORDER BY pageno)) FROM pg_largeobject GROUP BY 1 ORDER BY 1';
const SEQUENCES = 'SELECT schemaname, sequencename, last_value FROM pg_sequences ORDER BY 1, 2';

async function expectCopy(timestamp: string, database: string): Promise<void> {
  const restored = await stowage(['restore', timestamp, '--create', '--redirect-db', database], {
    config,
  });
  expect(failureOf(restored)).toBeUndefined();
  expect(await schemaOf(database)).toBe(await schemaOf('original'));
  expect(await rowDigests(server, database)).toEqual(await rowDigests(server, 'original'));
  for (const sql of [OBJECTS, SEQUENCES])
    expect(await server.psql(sql, database)).toBe(await server.psql(sql, 'original'));
}

describe('a database with everything', () => {
  test.each([
    ['custom', '20260101000001', ['--format=custom'], 'a.dump'],
    ['directory', '20260101000002', ['--format=directory'], 'a.dir'],
    ['tar', '20260101000003', ['--format=tar'], 'a.tar'],
    ['plain', '20260101000004', ['--format=plain'], 'a.sql'],
    ['plain gz create', '20260101000005', ['--format=plain', '-Z6', '--create', '--clean'], 'a.sql.gz'],
    ['inserts', '20260101000006', ['--format=plain', '--inserts'], 'b.sql'],
    ['inserts', '20260101000007', ['--format=custom', '--column-inserts', '--rows-per-insert=7'], 'b.dump'],
  ])('is adopted from an archive in the format %s, and restored as it was', async (_, timestamp, options, name) => {
    const path = join(place.folder, name);
    await tool('pg_dump', ...options, '--file', path, 'original');
    const adopted = await stowage(['adopt', 'pg_dump', path, '--timestamp', timestamp], { config });
    expect(failureOf(adopted)).toBeUndefined();
    await expectCopy(timestamp, name.replaceAll('.', '_'));
  });
});
