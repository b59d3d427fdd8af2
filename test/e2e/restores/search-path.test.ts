import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MARK_SCHEMA } from '../../../database/target/unfinished/mark.ts';
import { stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let server: TestServer;

beforeAll(async () => {
  place = await directoryPlace();
  server = await startPostgres();
});
afterAll(async () => {
  await server?.stop();
  await place?.stop();
});

const run = promisify(execFile);

async function tool(name: string, ...args: readonly string[]): Promise<string> {
  const env = { PGHOST: server.host, PGPORT: String(server.port), PGUSER: server.user };
  const { stdout } = await run(join(server.binDir, name), args, { env });
  return stdout.replaceAll(/^\\(un)?restrict .*\n/gm, '');
}

const VIEWS =
  "SELECT relname, relispopulated FROM pg_class WHERE relkind = 'm' AND relnamespace <> 'pg_catalog'::regnamespace ORDER BY 1";

/** Everything that pg_dump writes of a database, and which materialized views hold rows. */
async function contents(database: string): Promise<readonly string[]> {
  // A restore that has left something out keeps its mark for --resume.
  const dump = await tool('pg_dump', `--exclude-schema=${MARK_SCHEMA}`, database);
  return [dump, await server.psql(VIEWS, database)];
}

/** Restores a case by stowage and by pg_dump | pg_restore, each into a database of its own. */
async function restoredTwice(
  database: string,
  file: string,
  change = (sql: string): string => sql,
) {
  await server.psql(`CREATE DATABASE ${database}; CREATE DATABASE ${database}_theirs`);
  const sql = await readFile(new URL(`./sql/${file}.sql`, import.meta.url), 'utf8');
  await server.psql(change(sql), database);
  const archive = join(place.folder, `${database}.dump`);
  await tool('pg_dump', '-Fc', '-f', archive, database);
  // It exits with 1 after an error, and has made the other objects.
  const restoring = tool('pg_restore', '-d', `${database}_theirs`, archive);
  const errors = await restoring.then(() => '', String);
  const config = await configFor(place, [server], place.newRoot(), { database });
  const { timestamp } = (await stowage(['backup'], { config })).json;
  const args = ['restore', timestamp, '--create', '--redirect-db', `${database}_ours`];
  const { code: exit, json } = await stowage(args, { config });
  const leftOut = json.leftOut
    ?.map(({ code, schemaObject, relation }) => `${code} ${(schemaObject ?? relation)?.name}`)
    .toSorted();
  return { exit, status: json.status, leftOut, errors };
}

test('functions that set their search_path, and views, domains and checks that read other tables, are restored whole (case 34)', async () => {
  const lines = join(await server.psql('SHOW data_directory'), 'ft.txt');
  await server.psql(`COPY (VALUES ('one'), ('two')) TO '${lines}'`);
  const { errors, ...ours } = await restoredTwice('spok', '34-search-path-ok', (sql) =>
    sql.replace('/data/cases/ft.txt', lines),
  );
  expect(ours).toEqual({ exit: 0, status: 'restored', leftOut: undefined });
  const restored = await contents('spok_ours');
  expect(restored).toEqual(await contents('spok'));
  expect(restored[1]).toContain('aaa_via_plpgsql|t');
  expect(errors).toBe('');
  expect(await server.psql('SELECT count(*) FROM app.mft2', 'spok_ours')).toBe('2');
});

test('indexes whose functions find nothing without a search_path are listed, and the rest is what pg_restore makes (case 33)', async () => {
  const { errors, ...ours } = await restoredTwice('sp', '33-search-path-functions');
  expect(ours).toEqual({
    exit: 3,
    status: 'restored',
    leftOut: ['object-not-made n_i', 'object-not-made places_ll_to_earth_idx'],
  });
  expect(errors).toContain('errors ignored on restore: 2');
  expect(await contents('sp_ours')).toEqual(await contents('sp_theirs'));
});

test('views of a foreign server that cannot be reached are listed, and the rest is what pg_restore makes (case A1)', async () => {
  const { errors, ...ours } = await restoredTwice('mvu', 'A1-matview-unreachable', (sql) =>
    sql.replace("'43100'", `'${server.port}'`),
  );
  expect(ours).toEqual({
    exit: 3,
    status: 'restored',
    leftOut: ['view-not-refreshed a_ft', 'view-not-refreshed z_dep'],
  });
  expect(errors).toContain('errors ignored on restore: 2');
  const restored = await contents('mvu_ours');
  expect(restored).toEqual(await contents('mvu_theirs'));
  expect(restored[1]).toBe('a_ft|f\nz_dep|f\nz_local|t');
});
