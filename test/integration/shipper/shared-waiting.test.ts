import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  onTestFinished,
} from 'vitest';
import { openSession, type Session } from '../../../database/session/session.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  bigOrder,
  FRAMES_PER_SHARE,
  holdBack,
  holdRestoreLock,
  load,
  ROWS,
  ROWS_PER_FRAME,
  restoreJob,
  storeOrder,
  waitForReads,
} from './big-relation.ts';
import { backendsLeft, endAll, runShipper } from './shipper.ts';

let server: TestServer;
/** A foreign session that works on the table that is loaded. */
let other: Session;

beforeAll(async () => {
  server = await startPostgres();
});
beforeEach(async () => {
  await server.psql('DROP TABLE IF EXISTS big, small; CREATE TABLE big (i bigint, t text)');
  other = await openSession(server.target(), {
    purpose: 'restore',
    applicationName: 'foreign session',
  });
});
afterEach(() => other.destroy());
afterAll(async () => {
  await endAll();
  await server?.stop();
});

const firstOf = (share: number) => share * FRAMES_PER_SHARE * ROWS_PER_FRAME;

const waitForSessions = (state: string, sessions = 1) =>
  waitFor(`${sessions} sessions with ${state}`, async () => {
    const found = await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE ${state}`);
    return found === String(sessions) ? true : undefined;
  });
const TALLY = `DROP TABLE IF EXISTS loads; CREATE TABLE loads (n int); INSERT INTO loads VALUES (0);
    CREATE OR REPLACE FUNCTION tally() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE public.loads SET n = n + 1; RETURN NULL; END$$;
    CREATE TRIGGER tallies AFTER INSERT ON big EXECUTE FUNCTION tally();
    ALTER TABLE big ENABLE ALWAYS TRIGGER tallies`;
const tallyState = () => server.psql("SELECT tgenabled FROM pg_trigger WHERE tgname = 'tallies'");
const RESTORE_SESSION = "application_name LIKE 'stowage restore %'";

it('a slow connection is waited for, and the deadlock check finds nothing', async () => {
  const { order, relation, store } = await bigOrder('big');
  const { held, release } = holdBack(store, relation.extents[FRAMES_PER_SHARE]);
  const loading = load(server, order, held, { workers: 2 });
  await waitForSessions(
    `${RESTORE_SESSION} AND state = 'idle in transaction' AND query LIKE '%pg_blocking_pids%'`,
  );
  release();
  expect((await loading).problems).toEqual([]);
});

it('a table with ENABLE ALWAYS triggers is loaded over one connection, which disables them meanwhile', async () => {
  await server.psql(TALLY);
  const { order, store } = await bigOrder('big');
  expect((await load(server, order, store)).problems).toEqual([]);
  expect(
    await server.psql(
      'SELECT (SELECT count(*) FROM big), count(DISTINCT xmin::text), (SELECT n FROM loads) FROM big',
    ),
  ).toBe(`${ROWS}|1|0`);
  expect(await tallyState()).toBe('A');
});

it('a trigger has its state again when the shipper that has disabled it is killed', async () => {
  await server.psql(
    `${TALLY}; ALTER TABLE big ADD CHECK (i % 100 <> 0 OR pg_sleep(0.05)::text = '')`,
  );
  const { order, store, directory } = await bigOrder('big');
  await storeOrder(directory, order);
  const lock = await holdRestoreLock(server);
  onTestFinished(() => lock.close());
  const shipper = runShipper(restoreJob(server, store, 4), { type: 'order', phase: 'data' });
  await waitForSessions(`${RESTORE_SESSION} AND query LIKE '%COPY%big%' AND state = 'active'`);
  shipper.child.kill('SIGKILL');
  await shipper.exit;
  await lock.close();
  await waitFor('the end of the sessions', async () =>
    (await backendsLeft(server)) === '' ? true : undefined,
  );
  expect(await tallyState()).toBe('A');
  expect(await server.psql('SELECT count(*) FROM big')).toBe('0');
});

it('a worker that joined a failed load joins the next one over a new connection', async () => {
  await server.psql('CREATE TABLE small (i text, t text)');
  const { order, relation, store } = await bigOrder('big', (frame) =>
    frame === 2 * FRAMES_PER_SHARE ? 'none' : undefined,
  );
  const { held, release } = holdBack(store, relation.extents[2 * FRAMES_PER_SHARE]);
  const failed = Promise.withResolvers<void>();
  const both: ObjectStore = {
    ...held,
    async *get(key, options) {
      if (key === 'again') await failed.promise;
      yield* key === 'again'
        ? store.get(relation.extents[0]?.key ?? '', options)
        : held.get(key, options);
    },
  };
  const extents = relation.extents.map((extent) => ({ ...extent, key: 'again' }));
  const second = { ...relation, id: 1, name: 'small', extents };
  const loading = load(server, { ...order, relations: [relation, second] }, both, { workers: 3 });
  await waitForSessions(`${RESTORE_SESSION} AND query LIKE '%COPY%big%'`, 2);
  release();
  await waitForSessions(`${RESTORE_SESSION} AND query LIKE '%COPY%big%'`, 0);
  failed.resolve();
  const { loaded, problems } = await loading;
  expect(problems).toMatchObject([{ relation: { name: 'big' } }]);
  expect(loaded).toMatchObject([{ name: 'small', rows: ROWS }]);
  expect(await server.psql('SELECT count(DISTINCT xmin::text) > 1 FROM small')).toBe('t');
});

describe('with a foreign session between two connections that load one table', () => {
  it('a connection that queues for the lock behind the foreign session is dropped', async () => {
    await server.psql('CREATE TABLE small (i bigint, t text)');
    const { order, relation, store } = await bigOrder('big');
    const { held, release } = holdBack(store, relation.extents[FRAMES_PER_SHARE]);
    // Keeps the second connection busy until the foreign session waits.
    const [, second] = relation.extents;
    const { held: both, release: joinNow } = holdBack(held, second);
    const extents = second === undefined ? [] : [second];
    const small = { ...relation, id: 1, name: 'small', rows: ROWS_PER_FRAME, bytes: 0, extents };
    const loading = load(server, { ...order, relations: [relation, small] }, both, { workers: 2 });
    await waitForSessions(
      `${RESTORE_SESSION} AND query LIKE '%COPY%big%' AND wait_event = 'ClientRead'`,
    );
    const altered = other.query('ALTER TABLE public.big ADD later int');
    await waitForSessions("query LIKE 'ALTER TABLE%' AND wait_event_type = 'Lock'");
    joinNow();
    await waitForSessions(
      `${RESTORE_SESSION} AND query LIKE '%COPY%big%' AND wait_event_type = 'Lock'`,
    );
    release();
    expect((await loading).problems).toEqual([]);
    await altered;
    expect(await server.psql('SELECT count(*), count(DISTINCT i) FROM big')).toBe(
      `${ROWS}|${ROWS}`,
    );
    expect(await backendsLeft(server)).toBe('');
  });

  it('a deadlock through rows of the foreign session is detected, and the load fails', async () => {
    await server.psql('ALTER TABLE big ADD PRIMARY KEY (i)');
    const { order, store } = await bigOrder('big');
    await other.query(`BEGIN; INSERT INTO public.big VALUES (${firstOf(1)})`);
    const loading = load(server, order, waitForReads(store, 2), { workers: 2 });
    await waitForSessions(`${RESTORE_SESSION} AND state = 'idle in transaction'`);
    const inserted = other.query(`INSERT INTO public.big VALUES (${firstOf(0)})`);
    const { problems } = await loading;
    expect(problems).toMatchObject([{ relation: { name: 'big' } }]);
    expect(problems[0]?.message).toContain('deadlock');
    await inserted;
    await other.query('ROLLBACK');
    expect(await server.psql('SELECT count(*) FROM big')).toBe('0');
    expect(await backendsLeft(server)).toBe('');
  });
});

describe('a writer that has inserted a row and not committed it when the load of the table begins', () => {
  const single = async () => {
    const made = await bigOrder('big');
    const extents = made.relation.extents.slice(0, 1);
    const relation = { ...made.relation, extents, rows: ROWS_PER_FRAME, bytes: 0 };
    return { ...made, order: { ...made.order, relations: [relation] } };
  };

  it('is waited for, and its row is deleted with --truncate', async () => {
    const { order, store } = await single();
    await other.query("BEGIN; INSERT INTO public.big VALUES (-1, 'late')");
    const loading = load(server, { ...order, mode: 'truncate' }, store);
    await waitForSessions(`${RESTORE_SESSION} AND wait_event_type = 'Lock'`);
    await other.query('COMMIT');
    expect((await loading).problems).toEqual([]);
    expect(await server.psql('SELECT count(*), min(i) FROM big')).toBe(`${ROWS_PER_FRAME}|0`);
  });

  it('is waited for, and the load fails when the restore created the table', async () => {
    const { order, store } = await single();
    await other.query("BEGIN; INSERT INTO public.big VALUES (-1, 'late')");
    const loading = load(server, order, store);
    await waitForSessions(`${RESTORE_SESSION} AND wait_event_type = 'Lock'`);
    await other.query('COMMIT');
    expect((await loading).problems[0]?.message).toContain(
      'holds rows that this restore did not load',
    );
  });
});
