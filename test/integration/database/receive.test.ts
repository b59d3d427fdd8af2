import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { type CopyRelation, copyOut } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import { RELATIONS, view } from '../../support/receive-relations.ts';
import { type Certificates, makeCertificates } from '../../support/servers/certificates.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { turnOnTls } from '../../support/servers/tls.ts';

const UTF8 = { encoding: 'UTF8' };
const CONNECTIONS = 2;
const BLOCKS = 6;
const arena = blockArena({ connections: CONNECTIONS, blocks: BLOCKS, frameBytes: 256 * 1024 });
const WAYS = ['TCP', 'a name of several addresses', 'a Unix socket', 'TLS'] as const;

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
    await server.psql(await readFile(new URL(`./sql/${name}.sql`, import.meta.url), 'utf8'), name);
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

async function encrypt(): Promise<string> {
  const authority = await certificates.authority('rows');
  await turnOnTls(server, folder, { certificate: await authority.issue('server') });
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

async function connect(
  way: (typeof WAYS)[number] = 'TCP',
  database?: string,
  purpose: 'backup' | 'restore' = 'backup',
): Promise<Session> {
  const session = await openSession(target(way, database), {
    purpose,
    applicationName: `stowage ${purpose}`,
    receive: arena,
  });
  opened.push(session);
  return session;
}

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
  const options = {
    encoding: 'buffer',
    maxBuffer: 1e9,
    env: { PGCLIENTENCODING: 'UTF8' },
  } as const;
  return (await run(join(server.binDir, 'psql'), args, options)).stdout;
}

async function untilGone(pid: number): Promise<void> {
  while ((await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`)) !== '0')
    await sleep(20);
}

/** However a copy ended, the next one finds all blocks and places as the first one did. */
async function allGivenBack(): Promise<void> {
  const patience = AbortSignal.timeout(30_000);
  const places = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => arena.connections.take(patience)),
  );
  for (const place of places) arena.connections.give(place);
  const blocks = await Promise.all(
    Array.from({ length: BLOCKS }, () => arena.blocks.take(patience)),
  );
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
        const settings =
          "SET extra_float_digits = 3; SET IntervalStyle = 'postgres'; SET DateStyle = 'ISO'";
        const sql = `${settings}; COPY ${table.quoted} ${columns === '' ? '' : `(${columns})`} TO STDOUT`;
        expect((await read(session, table)).equals(await psql(database, sql)), table.quoted).toBe(
          true,
        );
      }
    },
  );

  it('sends the rows of a source that reuses their memory for the next ones', async () => {
    await server.psql('DROP TABLE IF EXISTS sent; CREATE TABLE sent (t text)');
    const sent = { schema: 'public', name: 'sent', columns: ['t'] };
    const wanted = createHash('sha256');
    const source = async function* () {
      for (let n = 0; n < 8; n += 1) {
        const lines = Array.from({ length: 4_000 }, () => `${randomBytes(512).toString('hex')}\n`);
        const rows = Buffer.from(lines.join(''));
        wanted.update(rows);
        yield rows;
        rows.fill(0);
      }
    };
    expect(await copyIn(await connect(way, 'postgres', 'restore'), sent, source(), UTF8)).toBe(
      32_000,
    );
    const found = createHash('sha256').update(await read(await connect(way), sent));
    expect(found.digest('hex')).toBe(wanted.digest('hex'));
  });

  it('leaves no backend after an abort while the rows are not read', async () => {
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

  it('leaves no backend after an abort while all blocks are held', async () => {
    const session = await connect(way);
    const controller = new AbortController();
    const out = copyOut(session, view('endless', 'n', 't'), { ...UTF8, signal: controller.signal });
    const held: { release(): void }[] = [];
    await expect(
      (async () => {
        for await (const block of out.blocks) {
          if (block.kind === 'rows') held.push(block);
          // Time enough to hand out one more than there are.
          if (held.length === BLOCKS) setTimeout(() => controller.abort(), 300);
        }
      })(),
    ).rejects.toMatchObject({ code: 'interrupted' });
    expect(held.length).toBe(BLOCKS);
    await untilGone(session.pid);
    for (const block of held) block.release();
  });

  it('fails when the backend is killed between rows, even while nothing is read', async () => {
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

  it('accepts notices and changed settings between rows', async () => {
    const session = await connect(way);
    const bytes = await read(session, view('talks', 'n'));
    expect(bytes.toString().trim().split('\n').map(Number)).toEqual(
      Array.from({ length: 20_000 }, (_, n) => n + 1),
    );
    expect(await session.query('SELECT current_setting($1) AS name', ['application_name'])).toEqual(
      [{ name: 'row 20000' }],
    );
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
