import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openSession, type Session } from '../../../database/session/session.ts';
import {
  checkpointedAt,
  type FileStamp,
  readFileStamps,
} from '../../../database/witness/file-stamp.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const HEAP = ['kept', 'updated', 'toasted', 'rewritten', 'locked', 'leaf'];
const ALL = [...HEAP, 'unlogged', 'root'];

let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
  const rows = `AS SELECT g AS id, repeat('x', 50) AS t FROM generate_series(1, 1000) g`;
  await server.psql(`
    ${HEAP.slice(0, -1)
      .map((name) => `CREATE TABLE ${name} WITH (autovacuum_enabled = false) ${rows};`)
      .join('\n')}
    ALTER TABLE toasted ALTER t SET STORAGE EXTERNAL;
    INSERT INTO toasted VALUES (0, repeat('y', 100000));
    CREATE UNLOGGED TABLE unlogged ${rows};
    CREATE TABLE root (id int, t text) PARTITION BY RANGE (id);
    CREATE TABLE leaf PARTITION OF root DEFAULT WITH (autovacuum_enabled = false);
    INSERT INTO root SELECT * FROM kept;
    VACUUM FREEZE;
    CREATE ROLE plain LOGIN; CREATE ROLE granted LOGIN;
    GRANT EXECUTE ON FUNCTION pg_stat_file(text, boolean) TO granted;
    GRANT pg_checkpoint TO granted;`);
});
afterAll(() => server?.stop());

async function sessionOf(user = server.user): Promise<Session> {
  const target = { ...server.target(), user };
  const session = await openSession(target, { purpose: 'probe', applicationName: 'stamps' });
  onTestFinished(() => session.close());
  return session;
}

/** By name. `change` runs where a backup takes its snapshot. */
async function stamps(
  session: Session,
  change: () => Promise<unknown> = async () => undefined,
): Promise<Record<string, FileStamp | undefined>> {
  const rows = await session.query<{ name: string; oid: number }>(
    'SELECT relname AS name, oid::int8::float8 AS oid FROM pg_class WHERE relname = ANY ($1)',
    [ALL],
  );
  const since = await checkpointedAt(session);
  await change();
  const read = await readFileStamps(
    session,
    rows.map(({ oid }) => oid),
    since,
  );
  return Object.fromEntries(rows.map(({ name, oid }) => [name, read?.get(oid)]));
}

const named = (all: Awaited<ReturnType<typeof stamps>>) =>
  Object.keys(all).filter((name) => all[name] !== undefined);

describe('the stamps of files', () => {
  test('are not usable right after a write, and belong to permanent tables with rows of their own', async () => {
    const session = await sessionOf();
    expect(named(await stamps(session))).toEqual([]);
    await sleep(3_100);
    const first = await stamps(session);
    expect(named(first).toSorted()).toEqual(HEAP.toSorted());

    expect(await stamps(session)).toEqual(first);
    const writes = `
      UPDATE updated SET t = 'new' WHERE id = 500; VACUUM FULL rewritten;
      UPDATE toasted SET t = repeat('z', 100000) WHERE id = 0;
      BEGIN; SELECT FROM locked WHERE id = 1 FOR UPDATE; COMMIT;
      CREATE INDEX ON kept (id); ANALYZE kept; SELECT count(*) FROM kept;`;
    const second = await stamps(session, () => server.psql(writes));
    expect(named(second).toSorted()).toEqual(['kept', 'leaf']);
    expect(second['kept']).toEqual(first['kept']);
  });

  test('need a superuser, or two grants', async () => {
    await expect(stamps(await sessionOf('plain'))).rejects.toMatchObject({
      code: 'database/denied',
    });
    expect(named(await stamps(await sessionOf('granted')))).toContain('kept');
  });
});
