import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { relationDigest } from '../../../cli/demo/digest.ts';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const UTF8 = { encoding: 'UTF8' };
const arena = blockArena({ connections: 4, blocks: 12, frameBytes: 1 << 20 });
let server: TestServer;
let opened: Session[] = [];

beforeAll(async () => {
  server = await startPostgres({ databases: ['source', 'target'] });
  const types = await readFile(new URL('./troublesome.sql', import.meta.url), 'utf8');
  await server.psql(types, 'source');
  await server.psql(types, 'target');
  await server.psql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'");
});
afterEach(async () => {
  await Promise.all(opened.map((session) => session.close()));
  opened = [];
});
afterAll(() => server?.stop());

async function connect(
  database: string,
  purpose: 'backup' | 'restore' = 'backup',
): Promise<Session> {
  const session = await openSession(server.target(database), {
    purpose,
    applicationName: `stowage ${purpose}`,
    receive: arena,
  });
  opened.push(session);
  return session;
}

async function backends(pid: number): Promise<string> {
  return server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`);
}

async function untilGone(pid: number): Promise<void> {
  while ((await backends(pid)) !== '0') await new Promise((resolve) => setTimeout(resolve, 20));
}

const TABLES = [
  {
    schema: 'public',
    name: 'troublesome',
    columns: [
      'id',
      't',
      'b',
      'n',
      'f',
      'd',
      'ts',
      'iv',
      'j',
      'jb',
      'a',
      'r',
      'dom',
      'e',
      'comp',
      'u',
      'x',
      'bits',
      'net',
    ],
    rows: 9,
  },
  { schema: 'public', name: 'no columns', columns: [], rows: 3 },
  { schema: 'public', name: 'empty', columns: ['a'], rows: 0 },
  {
    schema: 'we"ird.schema',
    name: "ta\nb'le\\;--",
    columns: ['co"l', ' ', 'select', '😀'],
    rows: 2,
  },
  { schema: 'public', name: 'generated', columns: ['a', 'c'], rows: 2 },
  { schema: 'public', name: 'all generated', columns: [], rows: 2 },
];

describe('copy out, then in', () => {
  it.each(TABLES)('brings every row of $name back as it was', async ({ rows, ...relation }) => {
    const [source, target] = await Promise.all([connect('source'), connect('target', 'restore')]);
    const before = await relationDigest(source, relation);
    expect(before.rows).toBe(rows);
    const out = copyOut(source, relation, UTF8);
    await target.query('BEGIN');
    await target.query(
      `DELETE FROM ${(await target.query<{ q: string }>('SELECT format($1, $2::text, $3::text) AS q', ['%I.%I', relation.schema, relation.name]))[0]?.q}`,
    );
    expect(await copyIn(target, relation, copiedRows(out.blocks), UTF8)).toBe(rows);
    await target.query('COMMIT');
    expect(await out.rowsCounted()).toBe(rows);
    expect(await relationDigest(target, relation)).toEqual(before);
    // Both sessions are as good as new.
    expect(await source.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ships only the rows of a condition', async () => {
    const session = await connect('source');
    const out = copyOut(
      session,
      { schema: 'public', name: 'troublesome', columns: ['id'], condition: 'id > 7 OR id = 1' },
      UTF8,
    );
    expect((await text(copiedRows(out.blocks))).split('\n').sort()).toEqual(['', '1', '8', '9']);
    expect(await out.rowsCounted()).toBe(3);
  });

  it("gives the database's own bytes, whatever the session speaks", async () => {
    await server.psql(
      'CREATE TABLE public."é" (t text); INSERT INTO public."é" VALUES (\'ÿé\')',
      'latin',
    );
    const session = await connect('latin', 'restore');
    const relation = { schema: 'public', name: 'é', columns: ['t'] };
    const bytes = await text(
      copiedRows(copyOut(session, relation, { encoding: 'LATIN1' }).blocks),
      'latin1',
    );
    expect(bytes).toBe('ÿé\n');
    expect(
      await copyIn(session, relation, chunks([Buffer.from(bytes, 'latin1')]), {
        encoding: 'LATIN1',
      }),
    ).toBe(1);
    expect(await session.query('SELECT DISTINCT t FROM public."é"')).toEqual([{ t: 'ÿé' }]);
  });

  it('moves many megabytes through small memory and counts them', async () => {
    const [source, target] = await Promise.all([connect('source'), connect('target', 'restore')]);
    await server.psql(
      'CREATE TABLE public.wide AS SELECT i, repeat(md5(i::text), 30) AS t FROM generate_series(1, 40000) i',
      'source',
    );
    await server.psql('CREATE TABLE public.wide (i int, t text)', 'target');
    const relation = { schema: 'public', name: 'wide', columns: ['i', 't'] };
    const out = copyOut(source, relation, UTF8);
    expect(await copyIn(target, relation, copiedRows(out.blocks), UTF8)).toBe(40_000);
    expect(await relationDigest(target, relation)).toEqual(await relationDigest(source, relation));
  });
});

describe('a copy that fails', () => {
  const endless = { schema: 'public', name: 'x', columns: ['i', 't'], condition: 'true' };
  beforeAll(() =>
    server.psql(
      "CREATE VIEW public.x AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 10000) i, generate_series(1, 10000) j; CREATE VIEW public.slow AS SELECT pg_sleep(600)::text AS t; CREATE VIEW public.breaks AS SELECT 1 / (5000 - i) AS t FROM generate_series(1, 10000) i; CREATE TABLE public.strict (i int CHECK (i > 0))",
      'source',
    ),
  );

  it('leaves no backend when it is aborted in the middle', async () => {
    const session = await connect('source');
    const controller = new AbortController();
    const out = copyOut(session, endless, { ...UTF8, signal: controller.signal });
    const reading = (async () => {
      let bytes = 0;
      for await (const chunk of copiedRows(out.blocks)) {
        bytes += chunk.length;
        if (bytes > 3e6) controller.abort();
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    await expect(out.rowsCounted()).rejects.toMatchObject({ code: 'interrupted' });
    await untilGone(session.pid);
  });

  it('leaves no backend when it is aborted while the server has nothing to say', async () => {
    const session = await connect('source');
    const controller = new AbortController();
    const out = copyOut(
      session,
      { schema: 'public', name: 'slow', columns: ['t'], condition: 'true' },
      { ...UTF8, signal: controller.signal },
    );
    const reading = text(copiedRows(out.blocks));
    setTimeout(() => controller.abort(), 100);
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    await untilGone(session.pid);
  });

  it('leaves no backend and no count when the reader leaves early', async () => {
    const session = await connect('source');
    const out = copyOut(session, endless, UTF8);
    for await (const _ of copiedRows(out.blocks)) break;
    await expect(out.rowsCounted()).rejects.toMatchObject({ name: 'StowageError' });
    await untilGone(session.pid);
  });

  it("carries the server's error, from the start and from the middle", async () => {
    const missing = copyOut(
      await connect('source'),
      { schema: 'public', name: 'missing', columns: ['a'] },
      UTF8,
    );
    await expect(text(copiedRows(missing.blocks))).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('42P01') as string,
    });
    const breaks = copyOut(
      await connect('source'),
      { schema: 'public', name: 'breaks', columns: ['t'], condition: 'true' },
      UTF8,
    );
    await expect(text(copiedRows(breaks.blocks))).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('22012') as string,
    });
    await expect(breaks.rowsCounted()).rejects.toMatchObject({ name: 'StowageError' });
  });

  it('is an error, not an end, when the backend is terminated in the middle', async () => {
    const session = await connect('source');
    const out = copyOut(session, endless, UTF8);
    const reading = (async () => {
      let killed = false;
      for await (const _ of copiedRows(out.blocks)) {
        if (!killed) await server.psql(`SELECT pg_terminate_backend(${session.pid})`);
        killed = true;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'database/unreachable' });
  });

  it('loads nothing when the source breaks, and the session rolls back', async () => {
    const session = await connect('source', 'restore');
    const relation = { schema: 'public', name: 'strict', columns: ['i'] };
    const broken = (async function* () {
      yield Buffer.from('1\n2\n');
      await Promise.resolve();
      throw new Error('frame 7 is damaged');
    })();
    await session.query('BEGIN');
    await expect(copyIn(session, relation, broken, UTF8)).rejects.toThrow('frame 7 is damaged');
    await session.query('ROLLBACK');
    expect(await session.query('SELECT * FROM public.strict')).toEqual([]);
  });

  it('names relation and cause when the server refuses a row of a long stream, and stops reading', async () => {
    const session = await connect('source', 'restore');
    const relation = { schema: 'public', name: 'strict', columns: ['i'] };
    let finished = false;
    const endlessRows = (async function* () {
      try {
        yield Buffer.from('1\n-1\n');
        for (;;) yield Buffer.from('2\n'.repeat(50_000));
      } finally {
        finished = true;
      }
    })();
    await expect(copyIn(session, relation, endlessRows, UTF8)).rejects.toMatchObject({
      code: 'database/failed',
      where: { relation: 'public.strict' },
      message: expect.stringContaining('23514') as string,
    });
    expect(finished).toBe(true);
    expect(await session.query('SELECT count(*)::int AS n FROM public.strict')).toEqual([{ n: 0 }]);
  });

  it('tells a source that has nothing to give that the server is gone', async () => {
    const session = await connect('source', 'restore');
    const relation = { schema: 'public', name: 'strict', columns: ['i'] };
    const over = new AbortController();
    const silent = (async function* () {
      yield Buffer.from('1\n');
      await server.psql(`SELECT pg_terminate_backend(${session.pid})`);
      await sleep(600_000, undefined, { signal: over.signal });
    })();
    await expect(copyIn(session, relation, silent, { ...UTF8, over })).rejects.toMatchObject({
      code: 'database/unreachable',
    });
  });

  it('leaves no backend when loading is aborted, also while it waits for a lock', async () => {
    const [session, other] = await Promise.all([
      connect('source', 'restore'),
      connect('source', 'restore'),
    ]);
    const relation = { schema: 'public', name: 'strict', columns: ['i'] };
    await other.query('BEGIN; LOCK TABLE public.strict');
    const controller = new AbortController();
    const loading = copyIn(session, relation, chunks([Buffer.from('1\n')]), {
      ...UTF8,
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 100);
    await expect(loading).rejects.toMatchObject({ code: 'interrupted' });
    await untilGone(session.pid);
  });
});

async function text(
  source: AsyncIterable<Uint8Array>,
  encoding: BufferEncoding = 'utf8',
): Promise<string> {
  return Buffer.concat(await Array.fromAsync(source)).toString(encoding);
}

async function* chunks(list: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* list;
}
