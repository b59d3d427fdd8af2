import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage, writeConfig } from '../../support/cli.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const SQL = `CREATE TABLE t AS SELECT g AS id, repeat('ä', g % 50) || E'\\n\\\\.\\t' AS v FROM generate_series(1, 3000) g;
  CREATE INDEX ON t (id);
  SELECT lo_from_bytea(1, 'abc');`;

let server: TestServer;
let folder: string;
let config: string;

beforeAll(async () => {
  [server, folder] = await Promise.all([
    startPostgres({ databases: ['shop', 'copy'] }),
    mkdtemp(join(tmpdir(), 'stowage-round-trip-')),
  ]);
  await server.psql(SQL, 'shop');
  config = await writeConfig(join(folder, 'stowage.yaml'), {
    cluster: 'round',
    flavour: 'shards',
    root: pathToFileURL(join(folder, 'root')).href,
    database: 'shop',
    segments: [{ content: 0, host: server.host, port: server.port }],
    connection: { user: server.user, binDir: server.binDir },
    functions: 'inline',
  });
});

afterAll(async () => {
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** Runs a pipe of PostgreSQL's programs and ours. */
async function shell(script: string): Promise<string> {
  const { host, port, user, binDir } = server;
  const env = {
    ...process.env,
    ...{ PATH: `${binDir}:${process.env['PATH']}`, STOWAGE_CONFIG: config },
    ...{ PGHOST: host, PGPORT: String(port), PGUSER: user },
  };
  const ours = `stowage() { '${process.execPath}' '${STOWAGE}' "$@"; }`;
  const options = { env, cwd: folder, maxBuffer: 64e6 };
  return (
    await promisify(execFile)('bash', ['-c', `${ours}\nset -eo pipefail\n${script}`], options)
  ).stdout;
}

test('a set that was adopted from a pipe, dumped, loaded, and adopted again has the same rows', async () => {
  await shell(`
    pg_dump --format=custom shop | stowage adopt pg_dump - --timestamp 20260102030405
    stowage dump 20260102030405 | psql -q -d copy > /dev/null
    pg_dump --format=tar copy | stowage adopt pg_dump - --timestamp 20260102030406`);
  const rows = await shell('psql -X -d shop -c "COPY t TO STDOUT"');
  expect(rows.split('\n')).toHaveLength(3001);
  expect(await shell('stowage cat 20260102030405 public.t')).toBe(rows);
  expect(await shell('stowage cat 20260102030406 public.t')).toBe(rows);
});

test('scripts that pg_dump has not written are refused before anything is stored', async () => {
  await shell('stowage dump 20260102030405 --out ours.sql; echo "SELECT 1;" > other.sql');
  for (const [file, reason] of [
    ['ours.sql', 'it is a script of "stowage dump": run it with psql'],
    ['other.sql', 'it does not begin with "PostgreSQL database dump"'],
  ] as const) {
    const script = `stowage adopt pg_dump - --timestamp 20260102030407 < ${file}`;
    await expect(shell(script)).rejects.toThrow(`standard input is not sound: ${reason}`);
  }
  const listed = await stowage(['list'], { config });
  expect(failureOf(listed)).toBeUndefined();
  expect(listed.json.sets.map(({ timestamp }) => timestamp).sort()).toEqual([
    '20260102030405',
    '20260102030406',
  ]);
});
