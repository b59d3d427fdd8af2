import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import { chunks, copyServer, textOf, UTF8 } from './copy-server.ts';

const server = copyServer();
const { connect, untilGone } = server;

describe('a copy that fails', () => {
  const endless = { schema: 'public', name: 'x', columns: ['i', 't'], condition: 'true' };
  beforeAll(() =>
    server.psql(
      "CREATE VIEW public.x AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 10000) i, generate_series(1, 10000) j; CREATE VIEW public.slow AS SELECT pg_sleep(600)::text AS t; CREATE VIEW public.breaks AS SELECT 1 / (5000 - i) AS t FROM generate_series(1, 10000) i; CREATE TABLE public.strict (i int CHECK (i > 0))",
      'source',
    ),
  );

  it('leaves no backend when it is aborted between rows', async () => {
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

  it('leaves no backend when it is aborted while the server sends nothing', async () => {
    const session = await connect('source');
    const controller = new AbortController();
    const out = copyOut(
      session,
      { schema: 'public', name: 'slow', columns: ['t'], condition: 'true' },
      { ...UTF8, signal: controller.signal },
    );
    const reading = textOf(copiedRows(out.blocks));
    setTimeout(() => controller.abort(), 100);
    await expect(reading).rejects.toMatchObject({ code: 'interrupted' });
    await untilGone(session.pid);
  });

  it('leaves no backend and gives no count when the reader stops early', async () => {
    const session = await connect('source');
    const out = copyOut(session, endless, UTF8);
    for await (const _ of copiedRows(out.blocks)) break;
    await expect(out.rowsCounted()).rejects.toMatchObject({ name: 'StowageError' });
    await untilGone(session.pid);
  });

  it("has the server's error, at the start and between rows", async () => {
    const missing = copyOut(
      await connect('source'),
      { schema: 'public', name: 'missing', columns: ['a'] },
      UTF8,
    );
    await expect(textOf(copiedRows(missing.blocks))).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('42P01') as string,
    });
    const breaks = copyOut(
      await connect('source'),
      { schema: 'public', name: 'breaks', columns: ['t'], condition: 'true' },
      UTF8,
    );
    await expect(textOf(copiedRows(breaks.blocks))).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('22012') as string,
    });
    await expect(breaks.rowsCounted()).rejects.toMatchObject({ name: 'StowageError' });
  });

  it('fails when the backend is terminated between rows', async () => {
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

  it('loads nothing when the source fails and the session rolls back', async () => {
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

  it('names relation and cause when the server rejects a row of a long stream, and stops reading the source', async () => {
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

  it('aborts `over` when the server is gone while the source waits', async () => {
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

  it('leaves no backend when loading is aborted while it waits for a lock', async () => {
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
