import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../../database/session/session.ts';
import { inspectServer } from '../../../database/shards/inspect.ts';
import { createDatabase, databaseExists } from '../../../database/target/database.ts';
import { analyzeRelations, refreshViews } from '../../../database/target/refresh.ts';
import {
  relationStates,
  suspendTriggers,
  truncateRelations,
} from '../../../database/target/relations.ts';
import { setMark } from '../../../database/target/unfinished/mark.ts';
import { hasNewObjects } from '../../../database/target/unfinished/restored-objects.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;
let session: Session;
const named = (...names: string[]) => names.map((name) => ({ schema: 'public', name }));

beforeAll(async () => {
  server = await startPostgres();
  await server.psql(`CREATE TABLE public.a (id int PRIMARY KEY); CREATE TABLE public.b (a int REFERENCES public.a);
    CREATE TABLE public."em'pty" (); INSERT INTO public.a VALUES (1); INSERT INTO public.b VALUES (1);
    CREATE MATERIALIZED VIEW public.mv AS SELECT count(*)::int AS n FROM public.a WITH NO DATA;
    CREATE ROLE limited LOGIN; GRANT SELECT ON public.a TO limited; GRANT USAGE ON SCHEMA public TO limited`);
  session = await openSession(server.target(), {
    purpose: 'restore',
    applicationName: 'stowage restore',
  });
});
afterAll(async () => {
  await session?.close();
  await server?.stop();
});

describe('a restore target', () => {
  it('is created, and refused when it exists', async () => {
    const target = server.target('ne"w\'');
    expect(await databaseExists(target)).toBe(false);
    await createDatabase(target, { encoding: 'UTF8' });
    expect(await databaseExists(target)).toBe(true);
    await expect(createDatabase(target, { encoding: 'UTF8' })).rejects.toMatchObject({
      code: 'restore/refused',
      where: { content: 0 },
    });
  });

  it("is created in a tablespace, and in the server's default where the tablespace does not exist", async () => {
    await server.psql("SET allow_in_place_tablespaces = on; CREATE TABLESPACE fast LOCATION ''");
    for (const tablespace of ['fast', 'absent'])
      await createDatabase(server.target(`in ${tablespace}`), { encoding: 'UTF8', tablespace });
    const sql = `SELECT datname, spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = dattablespace
      WHERE datname ~ '^in ' ORDER BY 1 DESC`;
    expect(await server.psql(sql)).toBe('in fast|fast\nin absent|pg_default');
  });

  it('without tables tells whether its objects were made after the mark', async () => {
    await server.psql('CREATE DATABASE no_tables');
    await server.psql("CREATE TYPE before AS ENUM ('a')", 'no_tables');
    const marked = await openSession(server.target('no_tables'), {
      purpose: 'restore',
      applicationName: 'stowage restore',
    });
    const restore = '20261122202553617-054d2139';
    const mark = { restore, set: '20261122202533', mode: 'fill', reached: 'begun' } as const;
    await setMark(marked, mark);
    expect(await hasNewObjects(marked)).toBe(false);
    await server.psql("CREATE TYPE made AS ENUM ('a')", 'no_tables');
    expect(await hasNewObjects(marked)).toBe(true);
    await marked.close();
  });

  it("can have an encoding that the server's locale does not support", async () => {
    await createDatabase(server.target('latin'), { encoding: 'LATIN1' });
    expect(
      await server.psql(
        "SELECT pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE datname = 'latin'",
      ),
    ).toBe('LATIN1|C');
  });

  it('tells which relations exist and which have rows', async () => {
    expect(
      (await relationStates(session, named('a', 'nowhere', "em'pty"))).map(
        ({ exists, hasRows }) => [exists, hasRows],
      ),
    ).toEqual([
      [true, true],
      [false, false],
      [true, false],
    ]);
  });

  it('is truncated as a whole, and refused with the name of another table that refers to it', async () => {
    await expect(truncateRelations(session, named('a'))).rejects.toMatchObject({
      code: 'restore/refused',
      message: expect.stringMatching(/"b" references "a"/) as string,
    });
    await truncateRelations(session, named('a', 'b'));
    expect((await relationStates(session, named('a', 'b'))).some(({ hasRows }) => hasRows)).toBe(
      false,
    );
  });

  it('suspends foreign keys only for a superuser', async () => {
    await session.query('BEGIN');
    await suspendTriggers(session);
    await session.query('INSERT INTO public.b VALUES (99)');
    await session.query('ROLLBACK');
    const limited = await openSession(
      { ...server.target(), user: 'limited' },
      { purpose: 'restore', applicationName: 'x' },
    );
    await expect(suspendTriggers(limited)).rejects.toMatchObject({
      code: 'database/denied',
      message: expect.stringContaining('limited') as string,
    });
    await limited.close();
  });

  it('is analyzed, and its materialized views are refreshed', async () => {
    await analyzeRelations(session, named('a', "em'pty"));
    await refreshViews(session, named('mv'));
    expect(await session.query('SELECT n FROM public.mv')).toEqual([{ n: 0 }]);
  });
});

describe('the inspection of a server', () => {
  const clock = () => new Date();
  it('passes every check for a superuser', async () => {
    const checks = await inspectServer(server.target(), { workers: 4, clock });
    expect(checks.map(({ name, ok }) => [name, ok])).toEqual([
      ['server', true],
      ['encryption', true],
      ['rights', true],
      ['definitions', true],
      ['connections', true],
      ['lock table', true],
      ['long values', true],
      ['unchanged tables', true],
      ['unchanged files', true],
      ['other stowage sessions', true],
      ['clock', true],
    ]);
    expect(checks.find(({ name }) => name.startsWith('other'))?.detail).toContain(
      'stowage restore',
    );
  });

  it('names what a limited role cannot do, and a clock that is off', async () => {
    const checks = await inspectServer(
      { ...server.target(), user: 'limited' },
      { workers: 4, clock: () => new Date(0) },
    );
    expect(checks.find(({ name }) => name === 'rights')).toMatchObject({
      ok: false,
      detail: expect.stringMatching(/cannot read 2 tables .*; it cannot lock 3 tables /) as string,
    });
    expect(checks.find(({ name }) => name === 'clock')?.ok).toBe(false);
  });
});
