import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitUntil } from '../../support/wait-for.ts';

const STALL_SECONDS = 1;
/** Our own silence: longer than STALL_SECONDS and what the probe takes. */
const SILENT_MS = 3_500;
const LONG_SLEEP = 'SELECT pg_sleep(600)';
const TABLE = { schema: 'public', name: 'rows', columns: ['id', 'filler'] };
const OPTIONS = { encoding: 'UTF8' };

let server: TestServer;
let session: Session;
let notes: string[];
const arena = blockArena({ connections: 1, blocks: 4, frameBytes: 1 << 20 });

async function open(purpose: 'backup' | 'restore'): Promise<Session> {
  notes = [];
  session = await openSession(
    { ...server.target(), stallSeconds: STALL_SECONDS },
    {
      purpose,
      applicationName: 'stowage silent',
      receive: arena,
      onSilence: (note) => notes.push(note),
    },
  );
  return session;
}

beforeAll(async () => {
  server = await startPostgres();
  await server.psql(
    `CREATE TABLE public.rows AS SELECT n AS id, repeat('x', 100) AS filler FROM generate_series(1, 200000) n`,
  );
});
/** Work that goes on until it is canceled, and then succeeds. */
const untilCanceled = (work: string) =>
  `DO $$ BEGIN LOOP ${work} END LOOP; EXCEPTION WHEN query_canceled THEN NULL; END $$`;

/** Runs such work until a silence was noted, however long that takes. */
async function runUntilNoted(work: string): Promise<void> {
  const running = session.query(untilCanceled(work));
  await Promise.race([running, waitUntil(() => notes.length > 0)]);
  await server.psql(`SELECT pg_cancel_backend(${session.pid})`);
  await running;
}

afterEach(() => session?.destroy());
afterAll(() => server?.stop());

describe('a session whose server sends nothing for longer than stallSeconds', () => {
  it('fails, names the process and what it waits for, and cancels its statement', async () => {
    const { pid } = await open('backup');
    await expect(session.query(LONG_SLEEP)).rejects.toMatchObject({
      code: 'database/stalled',
      where: { content: 0 },
      message: expect.stringMatching(
        new RegExp(`process ${pid} runs "SELECT pg_sleep.*waits for Timeout: PgSleep`),
      ),
    });
    const left = () =>
      server.psql(
        `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stowage silent'`,
      );
    await waitUntil(async () => (await left()) === '0');
  });

  it('goes on and says so when its statement may be silent and the server shows that it runs', async () => {
    await open('backup');
    {
      using _ = session.mayBeSilent();
      await runUntilNoted('PERFORM pg_sleep(600);');
    }
    expect(notes[0]).toContain('the server answers and the work goes on: process');
    await expect(session.query(LONG_SLEEP)).rejects.toMatchObject({ code: 'database/stalled' });
  });

  it('goes on when the server shows that the statement moves', async () => {
    await open('backup');
    await runUntilNoted(
      'PERFORM pg_sleep(0.02); PERFORM sum(i) FROM generate_series(1, 100000) i;',
    );
    expect(notes.length).toBeGreaterThan(0);
  });

  it('goes on when the rows that it sends come late', async () => {
    await open('restore');
    await session.query('CREATE TEMPORARY TABLE late (id int, filler text)');
    async function* late() {
      yield Buffer.from('1\tone\n');
      await sleep(SILENT_MS);
      // Later a slow server may really be silent.
      expect(notes).toEqual([]);
      yield Buffer.from('2\ttwo\n');
    }
    const table = { ...TABLE, schema: 'pg_temp', name: 'late' };
    expect(await copyIn(session, table, late(), OPTIONS)).toBe(2);
  });

  it('goes on when the rows that it receives are read late', async () => {
    await open('backup');
    const copy = copyOut(session, TABLE, OPTIONS);
    let blocks = 0;
    for await (const block of copy.blocks) {
      if (blocks === 0) {
        await sleep(SILENT_MS);
        expect(notes).toEqual([]);
      }
      blocks += 1;
      if (block.kind === 'rows') block.release();
    }
    expect(await copy.rowsCounted()).toBe(200_000);
  });
});
