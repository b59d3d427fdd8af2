import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GPBACKUP } from '../../support/adopt/gpbackup-fixtures.ts';
import { writeConfig } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { blocksOf, sectionsOf } from '../../support/page-blocks.ts';
import { STOWAGE } from '../../support/programs/programs.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { shell, substituted } from '../runbooks/page.ts';

const PAGE = new URL('../../../docs/migrating.md', import.meta.url);
/** The set of the page. */
const TS = '20261129015919';
/** Two tables of fix.sql, without the clauses of Greenplum. */
const TABLES = `CREATE SCHEMA app;
  CREATE TABLE app.heap (id int, name text, note text, at timestamptz);
  CREATE TABLE app.ao_row (id int, v text);`;

let place: Place;
let server: TestServer;

beforeAll(async () => {
  [place, server] = await Promise.all([directoryPlace(), startPostgres()]);
  await writeConfig(join(place.folder, 'stowage.yaml'), {
    cluster: 'e2e',
    flavour: 'shards',
    root: place.newRoot(),
    database: 'tiny',
    segments: [{ content: 0, host: server.host, port: server.port }],
    connection: { user: server.user, binDir: server.binDir },
    functions: 'inline',
  });
  await mkdir(join(place.folder, 'bin'));
  const program = join(place.folder, 'bin', 'stowage');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${STOWAGE}' "$@"\n`);
  await chmod(program, 0o755);
});

afterAll(async () => {
  await Promise.all([server?.stop(), place?.stop()]);
});

const run = (script: string, replaced: Readonly<Record<string, string>> = {}) =>
  shell(substituted(script, replaced), place.folder, {
    PATH: `${join(place.folder, 'bin')}:${server.binDir}:/usr/bin:/bin`,
    STOWAGE_CONFIG: join(place.folder, 'stowage.yaml'),
  });

test('docs/migrating.md adopts an increment of gpbackup, shows and verifies it', async () => {
  const page = await readFile(PAGE, 'utf8');
  const [adopt = ''] = blocksOf(sectionsOf(page).get('From gpbackup') ?? '', 'sh');
  const folder = join(GPBACKUP, 'incremental-local');
  const adopted = await run(adopt, {
    '/backup/gpseg-1': join(folder, 'gpseg-1'),
    '/backup/gpseg0': join(folder, 'gpseg0'),
    '/backup/gpseg1': join(folder, 'gpseg1'),
  });
  expect(adopted.code, adopted.text).toBe(0);
  expect(adopted.text).toContain('adopted from gpbackup of Greenplum 6');
  expect(adopted.text).toContain(`set ${TS} is complete`);
});

test('its rows restore into PostgreSQL: NULL, empty, quotes, newlines and backslashes', async () => {
  await server.psql('CREATE DATABASE tiny', 'postgres');
  await server.psql(TABLES, 'tiny');
  const restored = await run(
    `stowage restore ${TS} --section data --include-table app.heap --include-table app.ao_row`,
  );
  expect(restored.code, restored.text).toBe(0);
  const rows = await server.psql(
    `SELECT count(*), count(*) FILTER (WHERE note IS NULL), count(*) FILTER (WHERE note = ''),
       count(*) FILTER (WHERE note = E'a,"b"\\nc\\\\d\\t') FROM app.heap`,
    'tiny',
  );
  // The rows 1 and 2 were changed before the increments.
  expect(rows).toBe('100|25|24|24');
  expect(await server.psql('SELECT count(DISTINCT id) FROM app.ao_row', 'tiny')).toBe('120');
});
