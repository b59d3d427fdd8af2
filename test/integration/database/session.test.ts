import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  quoteIdentifier,
  quoteLiteral,
  quoteLiteralOnOneLine,
} from '../../../database/session/quote.ts';
import { openSession } from '../../../database/session/session.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const HOSTILE = [
  'plain',
  'Mixed Case',
  'a"b',
  "it's",
  'back\\slash',
  'new\nline',
  'ta\tb\r',
  'dot.ted',
  '/slash/../',
  '😀é',
  "'; drop table x; --",
  '$$',
  'select',
  '%s%n',
  ' ',
];

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres({ password: 'correct horse', databases: ['we"ird =\'db\\'] });
});
afterAll(() => server?.stop());

const probe = { purpose: 'probe', applicationName: 'stowage test' } as const;

describe('the server reads back unchanged', () => {
  it.each(HOSTILE)('the identifier and literals of %j', async (text) => {
    const session = await openSession(server.target(), probe);
    try {
      const [row] = await session.query(
        `SELECT parse_ident($1) AS ident, ${quoteLiteral(text)} AS literal, ${quoteLiteralOnOneLine(text)} AS line, format('%L', $2::text) AS theirs`,
        [quoteIdentifier(text), text],
      );
      expect(row).toEqual({ ident: [text], literal: text, line: text, theirs: quoteLiteral(text) });
    } finally {
      await session.close();
    }
  });
});

describe('a session', () => {
  it('connects to a database of any name, with the settings of pg_dump, and rejects writes', async () => {
    const session = await openSession(server.target('we"ird =\'db\\'), probe);
    const settings = [
      'DateStyle',
      'IntervalStyle',
      'extra_float_digits',
      'search_path',
      'row_security',
      'synchronize_seqscans',
      'default_transaction_read_only',
      'application_name',
    ];
    const rows = await session.query<{ value: string }>(
      'SELECT pg_catalog.current_setting(s) AS value FROM unnest($1::text[]) s',
      [settings],
    );
    expect(rows.map(({ value }) => value)).toEqual([
      'ISO, MDY',
      'postgres',
      '3',
      '',
      'off',
      'off',
      'on',
      'stowage test',
    ]);
    await expect(session.query('CREATE TABLE public.t ()')).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('25006') as string,
    });
    await session.close();
    await session.close();
  });

  it('is not ended by any timeout that is set for the database', async () => {
    const timeouts = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
    // Since 14, and since 17.
    timeouts.push('idle_session_timeout', 'transaction_timeout');
    const known = await server.psql(
      `SELECT name FROM pg_settings WHERE name IN (${timeouts.map(quoteLiteral).join(', ')})`,
    );
    // In one session, and back in one from before: the next would have 300 ms for whatever it does.
    const before = await openSession(server.target(), { ...probe, purpose: 'restore' });
    const set = known.split('\n').map((name) => `ALTER ROLE ${server.user} SET ${name} = 300;`);
    await before.query(set.join(' '));
    const session = await openSession(server.target(), probe);
    try {
      await sleep(600);
      await session.query('BEGIN');
      await session.query('SELECT pg_sleep(0.6)');
      await sleep(600);
      expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    } finally {
      await session.close();
      await before.query(`ALTER ROLE ${server.user} RESET ALL`);
      await before.close();
    }
  });

  it('fails with a wrong password without printing it', async () => {
    const failure = openSession({ ...server.target(), password: 'wrong secret' }, probe);
    await expect(failure).rejects.toMatchObject({
      code: 'database/denied',
      where: { content: 0 },
      message: expect.stringContaining('28P01') as string,
    });
    await expect(failure).rejects.not.toMatchObject({
      message: expect.stringContaining('secret') as string,
    });
  });

  it('fails as denied without a password, and as unreachable when no server listens', async () => {
    const { password: _, ...without } = server.target();
    await expect(openSession(without, probe)).rejects.toMatchObject({ code: 'database/denied' });
    await expect(openSession({ ...without, port: 1 }, probe)).rejects.toMatchObject({
      code: 'database/unreachable',
    });
  });

  it('reports a connection lost while idle through `lost`, and in the next statement', async () => {
    const session = await openSession(server.target(), probe);
    await server.psql(`SELECT pg_terminate_backend(${session.pid})`);
    await expect(session.lost).rejects.toMatchObject({ code: 'database/unreachable' });
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'database/unreachable' });
    await session.close();
  });

  it('leaves no backend behind when it is destroyed during a statement', async () => {
    const session = await openSession(server.target(), probe);
    const running = session
      .query('SELECT pg_catalog.pg_sleep(600)')
      .catch((error: unknown) => error);
    await server.psql(
      `DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${session.pid} AND state = 'active') LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$`,
    );
    await session.destroy();
    expect(await running).toMatchObject({ name: 'StowageError' });
    await server.psql(
      `DO $$ BEGIN WHILE EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${session.pid}) LOOP PERFORM pg_sleep(0.01); PERFORM pg_stat_clear_snapshot(); END LOOP; END $$`,
    );
  });

  it('ends when the signal fires before or while it connects', async () => {
    await expect(
      openSession(server.target(), { ...probe, signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    const controller = new AbortController();
    const opening = openSession(server.target(), { ...probe, signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(opening).rejects.toMatchObject({ code: 'interrupted' });
  });
});
