import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import { readLocale } from '../../../database/catalog/locale.ts';
import { usedSequences } from '../../../database/catalog/used-sequences.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { setChosenSequences } from '../../../database/target/chosen-sequences.ts';
import { createDatabase } from '../../../database/target/database.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

async function inDatabase<T>(database: string, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await openSession(
    { ...server, database },
    { purpose: 'restore', applicationName: 'locale test' },
  );
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

describe('the locale of a database', () => {
  it('is restored, even if it is not the default of the server', async () => {
    const locale = { provider: 'libc', collate: 'C', ctype: 'C' } as const;
    await createDatabase({ ...server, database: 'plain' }, { encoding: 'SQL_ASCII', locale });
    expect(await inDatabase('plain', readLocale)).toEqual(locale);
  });

  it('is named in the refusal when the server does not have it, and no database is created', async () => {
    const locale = { provider: 'libc', collate: 'xx_XX.nowhere', ctype: 'xx_XX.nowhere' } as const;
    const made = createDatabase({ ...server, database: 'nowhere' }, { encoding: 'UTF8', locale });
    await expect(made).rejects.toMatchObject({
      code: 'restore/refused',
      message: expect.stringContaining('xx_XX.nowhere'),
    });
    const found = await inDatabase('postgres', (session) =>
      session.query("SELECT FROM pg_database WHERE datname = 'nowhere'"),
    );
    expect(found).toHaveLength(0);
  });
});

describe('the sequences of chosen tables', () => {
  it('that also serve another table only move forward, and others are set', async () => {
    await inDatabase('postgres', async (session) => {
      await session.query(`
        CREATE SCHEMA q; CREATE SEQUENCE q.own; CREATE SEQUENCE q.shared; CREATE SEQUENCE q.down INCREMENT -1;
        CREATE TABLE q.chosen (a int DEFAULT nextval('q.own'), b int DEFAULT nextval('q.shared'), c int DEFAULT nextval('q.down'));
        CREATE TABLE q.other (b int DEFAULT nextval('q.shared'), c int DEFAULT nextval('q.down'));
        SELECT setval('q.own', 100), setval('q.shared', 100), setval('q.down', -100)`);
      const setTo = async (number: number) => {
        const names = ['own', 'shared', 'down', 'absent'];
        const values = names.map((name) => ({
          ...{ schema: 'q', name, called: true },
          value: String(name === 'down' ? -number : number),
        }));
        const used = await usedSequences(session, [{ schema: 'q', name: 'chosen' }]);
        const selection = { ...EVERYTHING, includeSchemas: ['q'] };
        const absent = await setChosenSequences(session, values, { used, selection, made: [] });
        expect(absent).toEqual([expect.objectContaining({ name: 'absent' })]);
        return session.query(
          `SELECT (SELECT last_value::int FROM q.own) AS own, (SELECT last_value::int FROM q.shared) AS shared,
             (SELECT last_value::int FROM q.down) AS down`,
        );
      };
      expect(await setTo(50)).toEqual([{ own: 50, shared: 100, down: -100 }]);
      expect(await setTo(200)).toEqual([{ own: 200, shared: 200, down: -200 }]);
    });
  });
  it('are those that their columns or their partitioned parents own or draw from, and no others', async () => {
    await inDatabase('postgres', async (session) => {
      await session.query(`
        CREATE SCHEMA s; CREATE SEQUENCE s.free;
        CREATE TABLE s."Sérial" (id serial, other int DEFAULT nextval('s.free'));
        CREATE TABLE s.root (id bigint GENERATED ALWAYS AS IDENTITY) PARTITION BY RANGE (id);
        CREATE TABLE s.leaf PARTITION OF s.root FOR VALUES FROM (1) TO (9);
        CREATE TABLE s.unchosen (id serial)`);
      const found = await usedSequences(session, [
        { schema: 's', name: 'Sérial' },
        { schema: 's', name: 'leaf' },
      ]);
      expect(found.map(({ name }) => name).sort()).toEqual([
        'Sérial_id_seq',
        'free',
        'root_id_seq',
      ]);
    });
  });
});
