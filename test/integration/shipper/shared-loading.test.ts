import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  bigOrder,
  FRAMES_PER_SHARE,
  holdingBack,
  load,
  RESTORE,
  ROWS,
  ROWS_PER_FRAME,
  restoreJob,
  storeOrder,
  waitingFor,
} from './big-relation.ts';
import { backendsLeft, endAll, runShipper } from './shipper.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
  await server.psql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'never this row'; END$$;
    CREATE FUNCTION leave(i bigint) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN INSERT INTO public.later VALUES (i); RETURN true; END$$;
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

async function nothingIsLeft(): Promise<void> {
  expect(await count()).toBe('0|0');
  expect(await backendsLeft(server)).toBe('');
}

describe('one table over four connections', () => {
  it('comes whole, each connection a part of it', async () => {
    const { order, relation, store } = await bigOrder('big');
    expect(await load(server, order, waitingFor(store, 4))).toEqual({
      loaded: [{ schema: 'public', name: relation.name, rows: ROWS }],
      problems: [],
    });
    expect(await count()).toBe(`${ROWS}|${ROWS}`);
    expect(await transactions()).toBe('4');
    expect(await backendsLeft(server)).toBe('');
  });

  it('is left to one where it holds rows already, which could not be told apart again', async () => {
    await server.psql("INSERT INTO big VALUES (-1, 'of an extension')");
    const { order, store } = await bigOrder('big');
    expect(await load(server, order, store)).toMatchObject({ problems: [] });
    expect(await count()).toBe(`${ROWS + 1}|${ROWS + 1}`);
    expect(await transactions()).toBe('2');
  });

  it('fails as a whole over a row that is none, names the relation, and loads the others', async () => {
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
    await nothingIsLeft();
  });

  it('fails as a whole over a frame that is damaged', async () => {
    const { order, relation, store } = await bigOrder('big');
    const at = inShare(3) + 1;
    const extents = relation.extents.map((extent, n) =>
      n === at ? { ...extent, crc32: '00000000' } : extent,
    );
    const result = await load(server, { ...order, relations: [{ ...relation, extents }] }, store);
    expect(result.problems).toMatchObject([
      { code: 'digest-differs', offset: extents[at]?.offset },
    ]);
    await nothingIsLeft();
  });

  it('fails as a whole over a constraint that only one share breaks', async () => {
    const last = ROWS - 1;
    await server.psql(`ALTER TABLE big ADD CHECK (i <> ${last})`);
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, waitingFor(store, 4));
    expect(problems[0]?.message).toContain('23514');
    await nothingIsLeft();
  });

  it.each([1, -1])(
    'fails as a whole when one connection counts %i rows more or less',
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
      await nothingIsLeft();
    },
  );

  it('fails when the frames do not add up to the relation', async () => {
    const { order, relation, store } = await bigOrder('big');
    const wrong = { ...order, relations: [{ ...relation, rows: ROWS + 1 }] };
    expect((await load(server, wrong, store)).problems[0]?.message).toContain('database/count');
    await nothingIsLeft();
  });
});

describe('one of four connections', () => {
  it('that is killed amid its rows takes all with it', async () => {
    const { order, relation, store } = await bigOrder('big');
    const { held, letGo } = holdingBack(store, relation.extents[inShare(5)]);
    const loading = load(server, order, waitingFor(held, 4));
    // The others have arrived; before that, the only one that copies may be the first that came.
    await waitForSessions("state = 'idle in transaction'", 3);
    const pid = await waitForSessions(
      "query LIKE '%COPY%' AND state = 'active' AND wait_event = 'ClientRead'",
      1,
    );
    await server.psql(`SELECT pg_terminate_backend(${pid})`);
    const { loaded, problems } = await loading.finally(letGo);
    expect(loaded).toEqual([]);
    expect(problems).toMatchObject([{ relation: { name: 'big' } }]);
    await nothingIsLeft();
  });

  it('that is killed while it waits for the others takes all with it', async () => {
    const { order, relation, store } = await bigOrder('big');
    const { held, letGo } = holdingBack(store, relation.extents[inShare(5)]);
    const loading = load(server, order, waitingFor(held, 4));
    const before = await file();
    const pid = await waitForSessions("state = 'idle in transaction'", 3);
    await server.psql(`SELECT pg_terminate_backend(${pid})`);
    letGo();
    expect((await loading).problems).toMatchObject([{ relation: { name: 'big' } }]);
    await nothingIsLeft();
    // Noticed before anybody committed: there was nothing to empty.
    expect(await file()).toBe(before);
  });

  // A trigger of its own would leave the table to one connection: a row in another table is what cannot be committed.
  const refuseAtCommit = (i: number) => `CREATE TABLE later (i bigint);
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON later DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse();
    ALTER TABLE later ENABLE ALWAYS TRIGGER late;
    ALTER TABLE big ADD CHECK (i <> ${i} OR leave(i));`;

  it('that cannot commit when the first has: the table is emptied again', async () => {
    await server.psql(refuseAtCommit(inShare(2) * ROWS_PER_FRAME));
    const before = await file();
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, waitingFor(store, 4));
    expect(problems[0]?.message).toContain('never this row');
    await nothingIsLeft();
    expect(await file()).not.toBe(before);
  });

  it('that cannot commit: the table is emptied also when another table refers to it', async () => {
    await server.psql(`${refuseAtCommit(inShare(2) * ROWS_PER_FRAME)}
      ALTER TABLE big ADD PRIMARY KEY (i); CREATE TABLE refers (i bigint REFERENCES big)`);
    const before = await file();
    const { order, store } = await bigOrder('big');
    const { problems } = await load(server, order, waitingFor(store, 4));
    expect(problems[0]?.message).toContain('never this row');
    await nothingIsLeft();
    expect(await file()).toBe(before);
  });

  it('that waits for a row of one that waits for its end: noticed, and failed', async () => {
    await server.psql('ALTER TABLE big ADD PRIMARY KEY (i)');
    const twice = inShare(1) * ROWS_PER_FRAME;
    const { order, store } = await bigOrder('big', (frame, row) =>
      frame === inShare(2) && row === 0 ? String(twice) : undefined,
    );
    const { problems } = await load(server, order, waitingFor(store, 4));
    expect(problems[0]?.message).toMatch(/collide|23505/);
    await nothingIsLeft();
  });
});

describe('an interruption with four connections', () => {
  it('rolls all back, also those that wait for the others', async () => {
    const { order, relation, store } = await bigOrder('big');
    const { held, letGo } = holdingBack(store, relation.extents[inShare(5)]);
    const stop = new AbortController();
    const loading = load(server, order, waitingFor(held, 4), { signal: stop.signal });
    loading.catch(() => undefined);
    await waitForSessions("state = 'idle in transaction'", 3);
    const reason = new StowageError('interrupted', 'ended on request');
    stop.abort(reason);
    letGo();
    await expect(loading).rejects.toBe(reason);
    await nothingIsLeft();
  });

  it('by SIGTERM: no backend, no row, no receipt', async () => {
    await server.psql('ALTER TABLE big ADD CHECK (slow(i))');
    const { order, store, directory } = await bigOrder('big');
    await storeOrder(directory, order);
    const shipper = runShipper(restoreJob(server, store, 4), { type: 'order', phase: 'data' });
    // Each takes up to two of the six shares, so that the fourth may have come too late.
    await waitForSessions("query LIKE '%COPY%' AND state = 'active'", 3);
    shipper.child.kill('SIGTERM');
    expect((await shipper.exit).code).toBe(130);
    await nothingIsLeft();
    expect(await Array.fromAsync(store.list(`restores/${RESTORE}/receipts/`))).toEqual([]);
  });
});
