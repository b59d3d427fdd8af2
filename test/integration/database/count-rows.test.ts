import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { countRows } from '../../../database/target/count-rows.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
  const tables = Array.from(
    { length: 250 },
    (_, i) => `CREATE TABLE many.t${i} AS SELECT FROM generate_series(1, ${i});`,
  );
  await server.psql(`CREATE SCHEMA many; ${tables.join('\n')}
    CREATE TABLE "odd ""name" (i int); INSERT INTO "odd ""name" VALUES (1), (2);
    CREATE TABLE parent (i int); CREATE TABLE child () INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2);
    CREATE TABLE guarded AS SELECT i FROM generate_series(1, 9) i;
    ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
    CREATE POLICY few ON guarded USING (i < 4);
    CREATE TABLE configuration AS SELECT i FROM generate_series(1, 10) i;
    UPDATE pg_extension SET extconfig = ARRAY['configuration'::regclass::oid], extcondition = ARRAY['WHERE i > 6']
    WHERE extname = 'plpgsql';
    CREATE ROLE reader LOGIN; GRANT USAGE ON SCHEMA public TO reader;
    GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader;
    CREATE ROLE auditor LOGIN BYPASSRLS; GRANT reader TO auditor;`);
});
afterAll(() => server?.stop());

async function sessionOf(user = server.user): Promise<Session> {
  const target = { ...server.target(), user };
  const session = await openSession(target, { purpose: 'probe', applicationName: 'count' });
  onTestFinished(() => session.close());
  return session;
}

const table = (name: string, schema = 'public', isConditional = false) => ({
  schema,
  name,
  isConditional,
});

/** Counts, or the codes of errors. */
async function counted(session: Session, relations: readonly ReturnType<typeof table>[]) {
  const counts = await countRows(session, relations);
  return counts.map((count) => (count instanceof StowageError ? count.code : count));
}

describe('the count of rows', () => {
  test('is of each relation in its order, for more relations than one statement counts', async () => {
    const relations = Array.from({ length: 250 }, (_, i) => table(`t${i}`, 'many'));
    const counts = await counted(await sessionOf(), relations);
    expect(counts).toEqual(relations.map((_, i) => i));
  });

  test('leaves out the rows of child tables', async () => {
    const relations = [table('parent'), table('child'), table('odd "name')];
    expect(await counted(await sessionOf(), relations)).toEqual([1, 2, 2]);
  });

  test("takes an extension's condition from the target's catalog, for relations that have one", async () => {
    const session = await sessionOf();
    const conditional = [table('configuration', 'public', true), table('parent', 'public', true)];
    expect(await counted(session, conditional)).toEqual([4, 1]);
    expect(await counted(session, [table('configuration'), table('parent')])).toEqual([10, 1]);
  });

  test('is an error for each relation that the server cannot count, and a number for the others', async () => {
    const relations = [table('parent'), table('absent'), table('child')];
    expect(await counted(await sessionOf(), relations)).toEqual([1, 'database/failed', 2]);
  });

  test('is an error, and not a part of the rows, when row security hides rows from the role', async () => {
    const relations = [table('guarded'), table('parent')];
    expect(await counted(await sessionOf('reader'), relations)).toEqual(['database/denied', 1]);
    expect(await counted(await sessionOf('auditor'), relations)).toEqual([9, 1]);
  });

  test('throws when the connection breaks', async () => {
    const session = await sessionOf();
    await server.psql(`SELECT pg_terminate_backend(${session.pid})`);
    await expect(countRows(session, [table('parent')])).rejects.toThrow(StowageError);
  });
});
