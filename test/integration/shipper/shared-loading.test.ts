import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  bigOrder,
  FRAMES_PER_SHARE,
  holdBack,
  holdRestoreLock,
  load,
  RESTORE,
  ROWS,
  ROWS_PER_FRAME,
  restoreJob,
  storeOrder,
  waitForReads,
} from './big-relation.ts';
import { backendsLeft, endAll, runShipper } from './shipper.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
  await server.psql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'never this row'; END$$;
    CREATE FUNCTION insert_later(i bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.later VALUES (i); RETURN true; END$$;
    CREATE FUNCTION slow(i bigint) RETURNS boolean LANGUAGE sql AS $$ SELECT i % 100 <> 0 OR pg_sleep(0.05)::text = '' $$;`);
});
beforeEach(() =>
  server.psql(
    'DROP TABLE IF EXISTS refers, big, small, later; CREATE TABLE big (i bigint, t text)',
  ),
);
afterAll(async () => {
  await endAll();
  await server?.stop();
});

const count = () => server.psql('SELECT count(*), count(DISTINCT i) FROM big');
const transactions = () => server.psql('SELECT count(DISTINCT xmin::text) FROM big');
const file = () => server.psql("SELECT pg_relation_filenode('big')");
const backends = (state: string) =>
  server.psql(
    `SELECT count(*), max(pid) FROM pg_stat_activity WHERE application_name LIKE 'stowage restore %' AND ${state}`,
  );
const inShare = (share: number) => share * FRAMES_PER_SHARE;

/** The process id of one of these connections. */
const waitForSessions = (state: string, connections: number): Promise<string> =>
  waitFor(`${connections} connections with ${state}`, async () => {
    const [found, pid = ''] = (await backends(state)).split('|');
    return Number(found) >= connections ? pid : undefined;
  });

async function expectNothingLeft(): Promise<void> {
  expect(await count()).toBe('0|0');
  expect(await backendsLeft(server)).toBe('');
}

describe('one table over four connections', () => {
  it('is loaded whole, a part by each connection', async () => {
    const { order, relation, store } = await bigOrder('big');
    expect(await load(server, order, waitForReads(store, 4))).toEqual({
      loaded: [{ schema: 'public', name: relation.name, rows: ROWS }],
      notLoaded: [],
      leftOut: { problems: [], problemsTotal: 0 },
      problems: [],
    });
    expect(await count()).toBe(`${ROWS}|${ROWS}`);
    expect(await transactions()).toBe('4');
    expect(await backendsLeft(server)).toBe('');
  });

  it('is loaded over one connection with --truncate when it holds rows, in the transaction that deletes them', async () => {
    await server.psql("INSERT INTO big VALUES (-1, 'of a writer after the TRUNCATE')");
    const { order, store } = await bigOrder('big');
    expect(await load(server, { ...order, mode: 'truncate' }, store)).toMatchObject({
      problems: [],
    });
    expect(await count()).toBe(`${ROWS}|${ROWS}`);
    expect(await transactions()).toBe('1');
  });

  it('is not loaded when it holds rows that the restore did not load, because it would not be equal', async () => {
    await server.psql("INSERT INTO big VALUES (-1, 'of a writer after the CREATE TABLE')");
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, store);
    expect(problems).toMatchObject([{ code: 'order-failed', relation: { name: 'big' } }]);
    expect(problems[0]?.message).toContain('holds rows that this restore did not load');
    expect(await count()).toBe('1|1');
  });

  it('fails as a whole over an invalid row, is named, and the other tables are loaded', async () => {
    await server.psql('CREATE TABLE small (i bigint, t text)');
    const { order, relation, store } = await bigOrder('big', (frame, row) =>
      frame === inShare(2) && row === 7 ? 'seven' : undefined,
    );
    const small = { ...relation, id: 1, name: 'small', rows: ROWS_PER_FRAME };
    const extents = relation.extents.slice(0, 1);
    const both = {
      ...order,
      relations: [relation, { ...small, extents, bytes: extents[0]?.bytes ?? 0 }],
    };
    const { loaded, problems } = await load(server, both, store);
    expect(problems).toMatchObject([{ code: 'order-failed', relation: { name: 'big' } }]);
    expect(problems[0]?.message).toContain('seven');
    expect(loaded).toEqual([{ schema: 'public', name: 'small', rows: ROWS_PER_FRAME }]);
    await expectNothingLeft();
  });

  it('fails as a whole over a damaged frame', async () => {
    const { order, relation, store } = await bigOrder('big');
    const at = inShare(3) + 1;
    const extents = relation.extents.map((extent, n) =>
      n === at ? { ...extent, crc32: '00000000' } : extent,
    );
    const result = await load(server, { ...order, relations: [{ ...relation, extents }] }, store);
    expect(result.problems).toMatchObject([
      { code: 'digest-differs', offset: extents[at]?.offset },
    ]);
    await expectNothingLeft();
  });

  it('fails as a whole over a constraint that only one share violates', async () => {
    const last = ROWS - 1;
    await server.psql(`ALTER TABLE big ADD CHECK (i <> ${last})`);
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, waitForReads(store, 4));
    expect(problems[0]?.message).toContain('23514');
    await expectNothingLeft();
  });

  it.each([1, -1])(
    'fails as a whole when one connection counts a difference of %i rows',
    async (more) => {
      const { order, relation, store } = await bigOrder('big');
      const extents = relation.extents.map((extent, n) =>
        n === inShare(1) ? { ...extent, rows: extent.rows - more } : extent,
      );
      const rows = relation.rows - more;
      const result = await load(
        server,
        { ...order, relations: [{ ...relation, extents, rows }] },
        store,
      );
      expect(result.problems[0]?.message).toContain('database/count');
      await expectNothingLeft();
    },
  );

  it('fails when the rows of its frames do not add up to the rows of the relation', async () => {
    const { order, relation, store } = await bigOrder('big');
    const wrong = { ...order, relations: [{ ...relation, rows: ROWS + 1 }] };
    expect((await load(server, wrong, store)).problems[0]?.message).toContain('database/count');
    await expectNothingLeft();
  });
});

describe('one of four connections', () => {
  it('that is killed in the middle of its rows fails the whole load', async () => {
    const { order, relation, store } = await bigOrder('big');
    const { held, release } = holdBack(store, relation.extents[inShare(5)]);
    const loading = load(server, order, waitForReads(held, 4));
    // The other three have loaded, so the one that still copies is the one to kill.
    await waitForSessions("state = 'idle in transaction'", 3);
    const pid = await waitForSessions(
      "query LIKE '%COPY%' AND state = 'active' AND wait_event = 'ClientRead'",
      1,
    );
    await server.psql(`SELECT pg_terminate_backend(${pid})`);
    const { loaded, problems } = await loading.finally(release);
    expect(loaded).toEqual([]);
    expect(problems).toMatchObject([{ relation: { name: 'big' } }]);
    await expectNothingLeft();
  });

  it('that is killed while it waits for the others fails the whole load', async () => {
    const { order, relation, store } = await bigOrder('big');
    const { held, release } = holdBack(store, relation.extents[inShare(5)]);
    const loading = load(server, order, waitForReads(held, 4));
    const before = await file();
    const pid = await waitForSessions("state = 'idle in transaction'", 3);
    await server.psql(`SELECT pg_terminate_backend(${pid})`);
    release();
    expect((await loading).problems).toMatchObject([{ relation: { name: 'big' } }]);
    await expectNothingLeft();
    // Noticed before the first COMMIT: the table was not emptied.
    expect(await file()).toBe(before);
  });

  // A trigger on the table itself would prevent sharing, so the COMMIT fails on another table.
  const refuseAtCommit = (i: number) => `CREATE TABLE later (i bigint);
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
    ALTER TABLE later ENABLE ALWAYS TRIGGER late;
    ALTER TABLE big ADD CHECK (i <> ${i} OR insert_later(i));`;

  it('that cannot commit after another has: the table is emptied', async () => {
    await server.psql(refuseAtCommit(inShare(2) * ROWS_PER_FRAME));
    const before = await file();
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, waitForReads(store, 4));
    expect(problems[0]?.message).toContain('never this row');
    await expectNothingLeft();
    expect(await file()).not.toBe(before);
  });

  it('that cannot commit: the table is emptied although another table refers to it', async () => {
    await server.psql(`${refuseAtCommit(inShare(2) * ROWS_PER_FRAME)}
      ALTER TABLE big ADD PRIMARY KEY (i); CREATE TABLE refers (i bigint REFERENCES big)`);
    const before = await file();
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, waitForReads(store, 4));
    expect(problems[0]?.message).toContain('never this row');
    await expectNothingLeft();
    expect(await file()).toBe(before);
  });

  it('that waits for a row of another, which waits for its end, fails the whole load', async () => {
    await server.psql('ALTER TABLE big ADD PRIMARY KEY (i)');
    const twice = inShare(1) * ROWS_PER_FRAME;
    const { order, store } = await bigOrder('big', (frame, row) =>
      frame === inShare(2) && row === 0 ? String(twice) : undefined,
    );
    const { problems } = await load(server, order, waitForReads(store, 4));
    expect(problems[0]?.message).toMatch(/deadlock|23505/);
    await expectNothingLeft();
  });
});

describe('an interrupted load over four connections', () => {
  it('is rolled back on all connections, also on those that wait for the others', async () => {
    const { order, relation, store } = await bigOrder('big');
    const { held, release } = holdBack(store, relation.extents[inShare(5)]);
    const stop = new AbortController();
    const loading = load(server, order, waitForReads(held, 4), { signal: stop.signal });
    loading.catch(() => undefined);
    await waitForSessions("state = 'idle in transaction'", 3);
    const reason = new StowageError('interrupted', 'ended on request');
    stop.abort(reason);
    release();
    await expect(loading).rejects.toBe(reason);
    await expectNothingLeft();
  });

  it('leaves no backend, no row and no receipt after SIGTERM', async () => {
    await server.psql('ALTER TABLE big ADD CHECK (slow(i))');
    const { order, store, directory } = await bigOrder('big');
    await storeOrder(directory, order);
    const lock = await holdRestoreLock(server);
    onTestFinished(() => lock.close());
    const shipper = runShipper(restoreJob(server, store, 4), { type: 'order', phase: 'data' });
    // Each takes up to two of the six shares, so the fourth may find none left.
    await waitForSessions("query LIKE '%COPY%' AND state = 'active'", 3);
    shipper.child.kill('SIGTERM');
    expect((await shipper.exit).code).toBe(130);
    await lock.close();
    await expectNothingLeft();
    expect(await Array.fromAsync(store.list(`restores/${RESTORE}/receipts/`))).toEqual([]);
  });
});
