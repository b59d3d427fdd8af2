import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

/** PostgreSQL's own modules are everywhere; these where their packages are installed. */
const PACKAGED = ['postgis', 'pg_partman'];
const DATABASE = 'everything';

let place: Place;
let server: TestServer;
let [config, timestamp] = ['', ''];
let parts: readonly string[] = [];

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres({ databases: [DATABASE, 'theirs'] });
  const names = await server.psql('SELECT name FROM pg_available_extensions');
  const available = new Set(names.split('\n'));
  parts = PACKAGED.filter((name) => available.has(name));
  for (const part of ['contrib', ...parts])
    await server.psql(await readFile(new URL(`./${part}.sql`, import.meta.url), 'utf8'), DATABASE);
  for (const name of PACKAGED.filter((packaged) => !available.has(packaged)))
    process.stderr.write(
      `skipped: the round trip of ${name}, because its package is not installed (docs/testing.md)\n`,
    );
  config = await configFor(place, [server], place.newRoot(), { database: DATABASE });
  const backup = await stowage(['backup'], { config });
  expect(failureOf(backup)).toBeUndefined();
  timestamp = backup.json.timestamp;
  const archive = join(place.folder, 'theirs.dump');
  await tool('pg_dump', '--format=custom', `--file=${archive}`, DATABASE);
  await tool('pg_restore', '--exit-on-error', '--dbname=theirs', archive);
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const run = promisify(execFile);

async function tool(name: string, ...args: readonly string[]): Promise<string> {
  const env = { PGHOST: server.host, PGPORT: String(server.port), PGUSER: server.user };
  const options = { env, maxBuffer: 64 * 1024 * 1024 };
  return (await run(join(server.binDir, name), [...args], options)).stdout;
}

/** The definitions of a database, or of what the arguments choose. */
async function definitions(database: string, ...args: readonly string[]): Promise<string> {
  const text = await tool('pg_dump', '--schema-only', ...args, database);
  return text.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

/** The rows of all tables and large objects and the values of sequences, in any order. */
async function rows(database: string, ...args: readonly string[]): Promise<readonly string[]> {
  const text = await tool('pg_dump', '--data-only', ...args, database);
  return text
    .split('\n')
    .filter((line) => !/^(\\(un)?restrict |--|$)/.test(line))
    .sort();
}

const restore = (...args: readonly string[]) =>
  stowage(['restore', timestamp, ...args], { config });

test('a database with every extension comes back with --create, and with --truncate after a change', async () => {
  const copy = ['--database', 'ours'];
  expect(failureOf(await restore('--create', ...copy))).toBeUndefined();
  expect(await definitions('ours')).toBe(await definitions('theirs'));
  expect(await rows('ours')).toEqual(await rows('theirs'));
  await server.psql(
    'SET session_replication_role = replica; DELETE FROM words.pictures; UPDATE words.people SET marks = NULL',
    'ours',
  );
  if (parts.includes('pg_partman'))
    await server.psql('DELETE FROM partman.part_config; DELETE FROM events.measured', 'ours');
  if (parts.includes('postgis'))
    await server.psql('DELETE FROM spatial_ref_sys WHERE srid = 990001', 'ours');
  expect(failureOf(await restore('--truncate', ...copy))).toBeUndefined();
  expect(await definitions('ours')).toBe(await definitions('theirs'));
  expect(await rows('ours', '--no-blobs')).toEqual(await rows('theirs', '--no-blobs'));
});

// Visible in the report of the suite: without its package, the round trip above lacks an extension.
test.for(PACKAGED)(
  'the round trip includes %s, where its package is installed',
  async (name, { skip }) => {
    skip(!parts.includes(name), `${name} is not installed (docs/testing.md)`);
    const count = `SELECT count(*) FROM pg_extension WHERE extname = '${name}'`;
    expect(await server.psql(count, 'theirs')).toBe('1');
  },
);

test('one schema, and one table, come back with what they need, as pg_restore gives them', async () => {
  for (const [selected, chosen] of [
    [['--include-schema', 'words'], '--schema=words'],
    [['--include-table', 'words.people'], '--table=words.people'],
  ] as const) {
    const database = `only${chosen.length}`;
    const restored = await restore('--create', ...selected, '--database', database);
    expect(failureOf(restored)).toBeUndefined();
    expect(restored.code).toBe(0);
    expect(await definitions(database, chosen)).toBe(await definitions('theirs', chosen));
    expect(await rows(database, chosen)).toEqual(await rows('theirs', chosen));
  }
});
