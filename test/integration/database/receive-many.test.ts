import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { copyOut, copyOutMany } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import { RELATIONS, view } from '../../support/receive-relations.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';

const UTF8 = { encoding: 'UTF8' };
const arena = blockArena({ connections: 50, blocks: 56, frameBytes: 256 * 1024 });

let server: TestServer;
let opened: Session[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await server.psql(RELATIONS);
});
afterEach(async () => {
  await Promise.all(opened.map((session) => session.close()));
  opened = [];
});
afterAll(() => server?.stop());

async function connect(): Promise<Session> {
  const session = await openSession(server.target(), {
    purpose: 'backup',
    applicationName: 'stowage backup',
    receive: arena,
  });
  opened.push(session);
  return session;
}

async function untilGone(pid: number): Promise<void> {
  while ((await server.psql(`SELECT count(*) FROM pg_stat_activity WHERE pid = ${pid}`)) !== '0')
    await sleep(20);
}

describe('many small relations', () => {
  const COUNT = 2000;
  const small = Array.from({ length: COUNT }, (_, n) => ({
    schema: 'small',
    name: `t${n}`,
    columns: ['a'],
  }));
  beforeAll(() =>
    server.psql(
      `CREATE SCHEMA small; DO $$ BEGIN FOR n IN 0..${COUNT - 1} LOOP EXECUTE format('CREATE TABLE small.t%s AS SELECT a FROM generate_series(1, %s) a', n, n % 7); END LOOP; END $$`,
    ),
  );

  it('are received in one round trip, each with its count, in few blocks', async () => {
    const session = await connect();
    const held: { release(): void }[] = [];
    let sum = 0;
    for await (const { relation, blocks, rowsCounted } of copyOutMany(session, small, UTF8)) {
      let text = '';
      for await (const block of blocks) {
        if (block.kind !== 'rows') throw new Error('no row here is long');
        text += Buffer.from(block.rows).toString();
        // Of two thousand relations, all are held at once.
        held.push(block);
      }
      const rows = await rowsCounted();
      expect(rows).toBe(Number(relation.name.slice(1)) % 7);
      expect(text).toBe(Array.from({ length: rows }, (_, n) => `${n + 1}\n`).join(''));
      sum += rows;
    }
    expect(sum).toBe(small.reduce((total, { name }) => total + (Number(name.slice(1)) % 7), 0));
    expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    for (const block of held) block.release();
  });

  it('are complete before the one that fails, which the error names', async () => {
    const session = await connect();
    const missing = { schema: 'small', name: 'missing', columns: ['a'] };
    const done: string[] = [];
    const reading = (async () => {
      const relations = [...small.slice(0, 500), missing, ...small.slice(500)];
      for await (const { relation, blocks, rowsCounted } of copyOutMany(session, relations, UTF8)) {
        await Array.fromAsync(copiedRows(blocks));
        await rowsCounted();
        done.push(relation.name);
      }
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'database/failed',
      message: expect.stringContaining('cannot read the rows of small.missing on ') as string,
      where: { relation: 'small.missing' },
    });
    expect(done).toEqual(small.slice(0, 500).map(({ name }) => name));
    await untilGone(session.pid);
  });

  it('can be received between large ones', async () => {
    const session = await connect();
    const relations = [
      view('lineitem', 'n', 'c'),
      ...small.slice(0, 20),
      view('mixed', 'n', 't'),
      ...small.slice(0, 20),
    ];
    for await (const { relation, blocks } of copyOutMany(session, relations, UTF8)) {
      const bytes = Buffer.concat(await Array.fromAsync(copiedRows(blocks)));
      const alone = copyOut(await connect(), relation, UTF8);
      const whole = Buffer.concat(await Array.fromAsync(copiedRows(alone.blocks)));
      expect(bytes.equals(whole), relation.name).toBe(true);
    }
  });

  it('leave no backend and no block behind when receiving is aborted or stopped early', async () => {
    for (const leaves of [true, false]) {
      const session = await connect();
      const controller = new AbortController();
      const options = { ...UTF8, signal: controller.signal };
      const relations = [...small.slice(0, 3), view('endless', 'n', 't')];
      const reading = (async () => {
        for await (const { relation, blocks } of copyOutMany(session, relations, options)) {
          for await (const block of copiedRows(blocks)) {
            if (relation.name !== 'endless' || block.length === 0) continue;
            if (leaves) return;
            controller.abort();
          }
        }
      })();
      await (leaves ? reading : expect(reading).rejects.toMatchObject({ code: 'interrupted' }));
      await untilGone(session.pid);
    }
  });
});
