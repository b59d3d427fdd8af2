import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Problem } from '../../../backup-set/base/verdict.ts';
import { stowage } from '../../support/cli.ts';
import { configFor } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

let place: Place;
let servers: TestServer[];
let [source, ours, theirs]: TestServer[] = [];
let root: string;

/** Case 93. */
const TEMPLATE = `create database dbp owner g_owner tablespace g_ts connection limit 5; comment on database dbp is 'x';
  alter database dbp set work_mem = '9MB'; alter database dbp set log_min_messages = 'warning'; alter database dbp is_template true;`;

const run = promisify(execFile);
const sql = (name: string) => readFile(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8');

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(3);
  [source, ours, theirs] = servers;
  root = place.newRoot();
  await Promise.all(
    servers.map((server) =>
      server.psql("set allow_in_place_tablespaces = on; create tablespace g_ts location ''"),
    ),
  );
  await source?.psql(await sql('01-roles'));
  await source?.psql(await sql('01-database'), 'g');
  for (const statement of TEMPLATE.split('; ')) await source?.psql(statement);
  await source?.psql(
    `create table t(a int); insert into t values (1);
     alter database dbp set default_transaction_read_only = on`,
    'dbp',
  );
});
afterAll(async () => {
  await stopAll(servers);
  await place?.stop();
});

/** Runs a command for one server and one database of it. */
async function on(server: TestServer | undefined, database: string, args: string[], user?: string) {
  const at = server as TestServer;
  const more = { database, ...(user && { connection: { user, binDir: at.binDir } }) };
  const config = await configFor(place, [at], root, more);
  return stowage(args, { config });
}

async function backup(database: string, user?: string) {
  const done = await on(source, database, ['backup'], user);
  return { ...done, timestamp: done.json.timestamp };
}

async function tool(server: TestServer | undefined, name: string, ...args: string[]) {
  const { host, port, user, binDir } = server as TestServer;
  const env = { PGHOST: host, PGPORT: String(port), PGUSER: user, LC_ALL: 'C.UTF-8' };
  const { stdout } = await run(join(binDir, name), args, { env });
  return stdout.replaceAll(/^\\(un)?restrict .*\n|LOCATION '.*'/gm, '');
}

describe('a restore with --create and --globals', () => {
  let timestamp = '';

  test('gives a database the properties, roles and rows that pg_dumpall, pg_dump -C and pg_restore -C give it', async () => {
    ({ timestamp } = await backup('g'));
    const restored = await on(ours, 'g', ['restore', '--globals', timestamp, '--create']);
    expect([restored.code, restored.json.status, restored.json.leftOut]).toEqual([
      0,
      'restored',
      undefined,
    ]);
    expect(restored.json.rolesKept).toEqual({ total: 1, names: ['postgres'] });
    const file = join(place.folder, 'g');
    await tool(source, 'pg_dumpall', '-g', '--no-role-passwords', '-f', `${file}.sql`);
    await tool(theirs, 'psql', '-qXd', 'postgres', '-f', `${file}.sql`);
    await tool(source, 'pg_dump', '-Fc', '-C', '-f', `${file}.dump`, 'g');
    await tool(theirs, 'pg_restore', '-C', '-d', 'postgres', `${file}.dump`);
    const contents = (server: TestServer | undefined) =>
      Promise.all([
        tool(server, 'pg_dump', '--create', 'g'),
        tool(server, 'pg_dumpall', '-g', '--no-role-passwords'),
      ]);
    const expected = await contents(theirs);
    expect(expected[0]).toContain('ALTER ROLE g_owner IN DATABASE g SET role');
    expect(expected[0]).toContain('COPY app.cache (i) FROM stdin;\n1\n2\n');
    expect(await contents(ours)).toEqual(expected);
  });

  test('of another database name gives its properties to that name', async () => {
    const { timestamp: set } = await backup('dbp');
    const args = ['restore', set, '--create', '--redirect-db', 'D "x'];
    expect((await on(ours, 'dbp', args)).code).toBe(0);
    expect(await ours?.psql(PROPERTIES('D "x'))).toBe(
      'g_owner|g_ts|5|t|x|{work_mem=9MB,log_min_messages=warning,default_transaction_read_only=on}',
    );
    // An ordinary role may set some of them: it says what the database lacks, and exits with 3.
    await ours?.psql(`create role maker login createdb;
      grant set on parameter session_replication_role to maker`);
    const own = ['restore', set, '--create', '--no-owner', '--redirect-db', 'own'];
    const partly = await on(ours, 'dbp', own, 'maker');
    expect([partly.code, partly.json.status]).toEqual([3, 'restored']);
    const lacks = partly.json.leftOut as unknown as readonly Problem[];
    expect(lacks.map(({ schemaObject }) => schemaObject?.name)).toEqual([
      'TABLESPACE "g_ts" of the database',
      'ALTER DATABASE "own" CONNECTION LIMIT = 5',
      'ALTER DATABASE "own" SET log_min_messages',
    ]);
    expect(lacks[2]?.message).toContain('permission denied to set parameter "log_min_messages"');
    expect(await ours?.psql(PROPERTIES('own'))).toBe(
      'maker|pg_default|-1|t|x|{work_mem=9MB,default_transaction_read_only=on}',
    );
  });
});

const PROPERTIES = (database: string) => `
  select datdba::regrole, spcname, datconnlimit, datistemplate, shobj_description(d.oid, 'pg_database'), setconfig
  from pg_database d join pg_tablespace t on t.oid = dattablespace
  left join pg_db_role_setting on setdatabase = d.oid where datname = '${database}'`;

describe('a database without tables', () => {
  let timestamp = '';
  const objects = (server: TestServer | undefined) =>
    server?.psql(
      `select last_value from s; select f(); select enum_range(null::e);
       select convert_from(lo_get(oid), 'UTF8') from pg_largeobject_metadata order by oid`,
      'nt',
    );

  test('is backed up and restored with its other objects (case 98)', async () => {
    await source?.psql('create database nt');
    await source?.psql(await sql('98-no-tables'), 'nt');
    const done = await backup('nt');
    expect([done.code, done.json.status, done.json.rows]).toEqual([0, 'complete', 0]);
    timestamp = done.timestamp;
    const restored = await on(ours, 'nt', ['restore', timestamp, '--create']);
    expect([restored.code, restored.json.status]).toEqual([0, 'restored']);
    expect(await objects(ours)).toBe(await objects(source));
  });

  test('gets its large objects from a restore with --truncate when --large-objects asks for them, and is told otherwise', async () => {
    await ours?.psql(`select lo_put(oid, 0, 'changed') from pg_largeobject_metadata`, 'nt');
    const without = await on(ours, 'nt', ['restore', timestamp, '--truncate']);
    expect([without.code, without.json.leavesLargeObjects]).toEqual([0, true]);
    expect(await objects(ours)).toContain('changed');
    const args = ['restore', timestamp, '--truncate', '--large-objects'];
    const replaced = await on(ours, 'nt', args);
    expect([replaced.code, replaced.json.leavesLargeObjects]).toEqual([0, undefined]);
    expect(await objects(ours)).toBe(await objects(source));
  });

  test('is not backed up by a role that may not read its large objects (case A6)', async () => {
    await source?.psql(`create role reader login; grant usage on schema public to reader`);
    await source?.psql(`grant select on sequence s to reader`, 'nt');
    const found = await on(source, 'nt', ['doctor'], 'reader');
    expect(found.text).toContain('it cannot read 1 large object (needs SELECT on each)');
    const { code, json } = await backup('nt', 'reader');
    expect([code, json.status]).toEqual([3, 'incomplete']);
    expect(JSON.stringify(json.failures)).toContain('permission denied for large object 4711');
  });
});
