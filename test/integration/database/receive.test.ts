import { execFile } from 'node:child_process';
import { chmod, chown, copyFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CopyRelation, copyOut, copyOutMany } from '../../../database/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import { openSession, type Session } from '../../../database/session.ts';
import { type Certificates, makeCertificates } from '../../support/certificates.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import { startPostgres, type TestServer } from '../../support/postgres.ts';

const UTF8 = { encoding: 'UTF8' };
const CONNECTIONS = 2;
const BLOCKS = 6;
const arena = blockArena({ connections: CONNECTIONS, blocks: BLOCKS, frameBytes: 256 * 1024 });
const WAYS = ['TCP', 'a name of several addresses', 'a Unix socket', 'TLS'] as const;

/** One table per width of rows, from none to longer than a block; a view without end; a view that breaks; one that talks. */
const RELATIONS = `
  CREATE TABLE lineitem AS SELECT n, n % 200 AS p, (n % 50)::numeric(15,2) AS q, date '1995-01-01' + n % 2500 AS d, 'DELIVER IN PERSON' AS i,
    md5(n::text) AS c, substr('carefully final deposits', 1, n % 24) AS t FROM generate_series(1, 20000) n;
  CREATE TABLE narrow AS SELECT n, n % 10 AS m FROM generate_series(1, 200000) n;
  CREATE TABLE wide AS SELECT n, repeat(md5(n::text), 62) AS t FROM generate_series(1, 3000) n;
  CREATE TABLE mixed AS SELECT n, repeat(chr(97 + n % 26), (n * 7919) % (CASE WHEN n % 50 = 0 THEN 1000000 ELSE 3000 END)) AS t
    FROM generate_series(1, 300) n;
  CREATE TABLE longest AS SELECT repeat('0123456789', 500000) AS t FROM generate_series(1, 2);
  CREATE VIEW endless AS SELECT n, repeat('x', 1000) AS t FROM (SELECT generate_series(1, 100000000) AS n) AS s;
  CREATE VIEW breaks AS SELECT n, 1 / (300000 - n) AS t FROM (SELECT generate_series(1, 1000000) AS n) AS s;
  CREATE FUNCTION talk(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF n % 100 = 0 THEN RAISE NOTICE 'row %', n; PERFORM set_config('application_name', 'row ' || n, false); END IF; RETURN n; END $$;
  CREATE VIEW talks AS SELECT talk(n) AS n FROM generate_series(1, 20000) n;`;

let server: TestServer;
let certificates: Certificates;
let folder: string;
let rootCertificate: string;
let opened: Session[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rows-'));
  await chmod(folder, 0o777);
  server = await startPostgres({ settings: { unix_socket_directories: folder } });
  for (const name of ['troublesome', 'kinds']) {
    await server.psql(`CREATE DATABASE ${name}`);
    await server.psql(await readFile(new URL(`./${name}.sql`, import.meta.url), 'utf8'), name);
  }
  await server.psql(RELATIONS);
  certificates = await makeCertificates();
  rootCertificate = await encrypt();
});
afterEach(async () => {
  await Promise.all(opened.map((session) => session.close()));
  opened = [];
  await allGivenBack();
});
afterAll(async () => {
  await server?.stop();
  await certificates?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Has the running server take TLS; the key must belong to the user that it runs as. */
async function encrypt(): Promise<string> {
  const authority = await certificates.authority('rows');
  const { certFile, keyFile } = await authority.issue('server');
  const { uid, gid } = await stat(`/proc/${server.pid}`);
  for (const [name, from] of Object.entries({ cert: certFile, key: keyFile })) {
    const file = join(folder, name);
    await copyFile(from, file);
    await chown(file, uid, gid);
    await chmod(file, 0o600);
    await server.psql(`ALTER SYSTEM SET ssl_${name}_file = '${file}'`);
  }
  await server.psql('ALTER SYSTEM SET ssl = on');
  await server.psql('SELECT pg_reload_conf()');
  return authority.certFile;
}

function target(way: (typeof WAYS)[number], database?: string): ConnectionTarget {
  const tcp = server.target(database);
  switch (way) {
    case 'TCP':
      return tcp;
    case 'a name of several addresses':
      return { ...tcp, host: 'localhost' };
    case 'a Unix socket':
      return { ...tcp, host: folder };
    case 'TLS':
      return { ...tcp, sslmode: 'verify-full', sslrootcert: rootCertificate };
  }
}

async function connect(way: (typeof WAYS)[number] = 'TCP', database?: string): Promise<Session> {
  const session = await openSession(target(way, database), {
    purpose: 'backup',
    applicationName: 'stowage backup',
    receive: arena,
  });
  opened.push(session);
  return session;
}

/** A view is read by SELECT: that needs a condition. */
const view = (name: string, ...columns: string[]): CopyRelation => ({
  schema: 'public',
  name,
  columns,
  condition: 'true',
});

async function read(session: Session, relation: CopyRelation): Promise<Buffer> {
  const out = copyOut(session, relation, UTF8);
  const bytes = Buffer.concat(await Array.fromAsync(copiedRows(out.blocks)));
  expect(await out.rowsCounted()).toBe(bytes.filter((byte) => byte === 0x0a).length);
  return bytes;
}

/** What psql writes. */
async function psql(database: string, sql: string): Promise<Buffer> {
  const args = [
    '-X',
    '-q',
    '-h',
    server.host,
    '-p',
    String(server.port),
    '-U',
    server.user,
    '-d',
    database,
    '-c',
    sql,
  ];
  const run = promisify(execFile);
  const options = { encoding: 'buffer', maxBuffer: 1e9, env: { PGCLIENTENCODING: 'UTF8' } } as const;
  return (await run(join(server.binDir, 'psql'), args, options)).stdout;
}

async function untilGone(pid: number): Promise<void> {
  while ((await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`)) !== '0')
    await sleep(20);
}

/** However a copy ended, the next one finds all blocks and places as the first one did. */
async function allGivenBack(): Promise<void> {
  const patience = AbortSignal.timeout(5_000);
  const places = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => arena.connections.take(patience)),
  );
  for (const place of places) arena.connections.give(place);
  const blocks = await Promise.all(Array.from({ length: BLOCKS }, () => arena.blocks.take(patience)));
  for (const block of blocks) block.release();
}

const TABLES = `SELECT n.nspname AS schema, c.relname AS name, format('%I.%I', n.nspname, c.relname) AS quoted,
  array(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum) AS columns
  FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
  WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2`;
type Table = CopyRelation & { readonly quoted: string };

describe.each(WAYS)('over %s', (way) => {
  it.each(['postgres', 'troublesome', 'kinds'])(
    'receives every table of %s as psql does',
    async (database) => {
      const session = await connect(way, database);
      const tables = await session.query<Table>(TABLES);
      expect(tables.length).toBeGreaterThan(4);
      for (const table of tables) {
        const columns = table.columns.map((name) => `"${name.replaceAll('"', '""')}"`).join(', ');
        const settings = "SET extra_float_digits = 3; SET IntervalStyle = 'postgres'; SET DateStyle = 'ISO'";
        const sql = `${settings}; COPY ${table.quoted} ${columns === '' ? '' : `(${columns})`} TO STDOUT`;
        expect((await read(session, table)).equals(await psql(database, sql)), table.quoted).toBe(true);
      }
    },
  );

  it('has its backend gone after an abort while nobody takes the rows', async () => {
    const session = await connect(way);
    const controller = new AbortController();
    const out = copyOut(session, view('endless', 'n', 't'), { ...UTF8, signal: controller.signal });
    const blocks = out.blocks[Symbol.asyncIterator]();
    const first = await blocks.next();
    // By now nothing is read from the connection any more: all that may be filled is full.
    await sleep(300);
    controller.abort();
    await expect(blocks.next()).rejects.toMatchObject({ code: 'interrupted' });
    await expect(out.rowsCounted()).rejects.toMatchObject({ code: 'interrupted' });
    await untilGone(session.pid);
    // What was handed out is still there.
    if (first.done === true || first.value.kind !== 'rows') throw new Error('no rows');
    expect(Buffer.from(first.value.rows).toString().split('\n').length - 1).toBe(first.value.count);
    first.value.release();
  });

  it('has its backend gone after an abort while all blocks are held', async () => {
    const session = await connect(way);
    const controller = new AbortController();
    const out = copyOut(session, view('endless', 'n', 't'), { ...UTF8, signal: controller.signal });
    const held: { release(): void }[] = [];
    setTimeout(() => controller.abort(), 500);
    await expect(
      (async () => {
        for await (const block of out.blocks) if (block.kind === 'rows') held.push(block);
      })(),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(held.length).toBe(BLOCKS);
    await untilGone(session.pid);
    for (const block of held) block.release();
  });

  it('fails when the backend is killed in the middle, also while nothing is read', async () => {
    for (const waits of [false, true]) {
      const session = await connect(way);
      const out = copyOut(session, view('endless', 'n', 't'), UTF8);
      const blocks = copiedRows(out.blocks);
      await blocks.next();
      if (waits) await sleep(300);
      await server.psql(`SELECT pg_terminate_backend(${session.pid})`);
      await expect(Array.fromAsync(blocks)).rejects.toMatchObject({
        code: 'database/unreachable',
        where: { relation: 'public.endless' },
      });
    }
  });

  it('takes notices and changed settings in the middle of the rows', async () => {
    const session = await connect(way);
    const bytes = await read(session, view('talks', 'n'));
    expect(bytes.toString().trim().split('\n').map(Number)).toEqual(
      Array.from({ length: 20_000 }, (_, n) => n + 1),
    );
    expect(await session.query('SELECT current_setting($1) AS name', ['application_name'])).toEqual([
      { name: 'row 20000' },
    ]);
  });

  it('gives the rows before an error, then the error', async () => {
    const session = await connect(way);
    const out = copyOut(session, view('breaks', 'n', 't'), UTF8);
    let rows = 0;
    const reading = (async () => {
      for await (const block of out.blocks) {
        if (block.kind !== 'rows') continue;
        rows += block.count;
        block.release();
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('22012') as string,
      where: { relation: 'public.breaks' },
    });
    await expect(out.rowsCounted()).rejects.toMatchObject({ code: 'database/failed' });
    expect(rows).toBeGreaterThan(100_000);
    expect(rows).toBeLessThan(300_000);
    await untilGone(session.pid);
  });
});

describe('many small relations', () => {
  const COUNT = 2000;
  const small = Array.from({ length: COUNT }, (_, n) => ({ schema: 'small', name: `t${n}`, columns: ['a'] }));
  beforeAll(() =>
    server.psql(
      `CREATE SCHEMA small; DO $$ BEGIN FOR n IN 0..${COUNT - 1} LOOP EXECUTE format('CREATE TABLE small.t%s AS SELECT a FROM generate_series(1, %s) a', n, n % 7); END LOOP; END $$`,
    ),
  );

  it('come in one round trip, each with its count, and need few blocks', async () => {
    const session = await connect();
    const held: { release(): void }[] = [];
    let sum = 0;
    for await (const { relation, blocks, rowsCounted } of copyOutMany(session, small, UTF8)) {
      let text = '';
      for await (const block of blocks) {
        if (block.kind !== 'rows') throw new Error('no row here is long');
        text += Buffer.from(block.rows).toString();
        // Of two thousand relations, all are held at once.
        held.push(block);
      }
      const rows = await rowsCounted();
      expect(rows).toBe(Number(relation.name.slice(1)) % 7);
      expect(text).toBe(Array.from({ length: rows }, (_, n) => `${n + 1}\n`).join(''));
      sum += rows;
    }
    expect(sum).toBe(small.reduce((total, { name }) => total + (Number(name.slice(1)) % 7), 0));
    expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    for (const block of held) block.release();
  });

  it('are complete up to the one that fails, which is named', async () => {
    const session = await connect();
    const missing = { schema: 'small', name: 'missing', columns: ['a'] };
    const done: string[] = [];
    const reading = (async () => {
      const relations = [...small.slice(0, 500), missing, ...small.slice(500)];
      for await (const { relation, blocks, rowsCounted } of copyOutMany(session, relations, UTF8)) {
        await Array.fromAsync(copiedRows(blocks));
        await rowsCounted();
        done.push(relation.name);
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('copy out small.missing') as string,
      where: { relation: 'small.missing' },
    });
    expect(done).toEqual(small.slice(0, 500).map(({ name }) => name));
    await untilGone(session.pid);
  });

  it('stand between large ones', async () => {
    const session = await connect();
    const relations = [
      view('lineitem', 'n', 'c'),
      ...small.slice(0, 20),
      view('mixed', 'n', 't'),
      ...small.slice(0, 20),
    ];
    for await (const { relation, blocks } of copyOutMany(session, relations, UTF8)) {
      const bytes = Buffer.concat(await Array.fromAsync(copiedRows(blocks)));
      const sql = `COPY (SELECT ${relation.columns.join(', ')} FROM ${relation.schema}.${relation.name}) TO STDOUT`;
      expect(bytes.equals(await psql('postgres', sql)), relation.name).toBe(true);
    }
  });

  it('leave nothing behind when they are aborted or left in the middle', async () => {
    for (const leaves of [true, false]) {
      const session = await connect();
      const controller = new AbortController();
      const options = { ...UTF8, signal: controller.signal };
      const relations = [...small.slice(0, 3), view('endless', 'n', 't')];
      const reading = (async () => {
        for await (const { relation, blocks } of copyOutMany(session, relations, options)) {
          for await (const block of copiedRows(blocks)) {
            if (relation.name !== 'endless' || block.length === 0) continue;
            if (leaves) return;
            controller.abort();
          }
        }
      })();
      await (leaves ? reading : expect(reading).rejects.toMatchObject({ code: 'interrupted' }));
      await untilGone(session.pid);
    }
  });
});

it('lets a session wait for a place, and ends waiting on request', async () => {
  const first = await connect();
  await connect();
  const controller = new AbortController();
  const options = { purpose: 'backup', applicationName: 'third', receive: arena } as const;
  const third = openSession(server.target(), { ...options, signal: controller.signal });
  setTimeout(() => controller.abort(), 50);
  await expect(third).rejects.toMatchObject({ code: 'interrupted' });
  const fourth = openSession(server.target(), options);
  await first.close();
  opened.push(await fourth);
});
