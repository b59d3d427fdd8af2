import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { Blocked, HeldSnapshot, SnapshotOptions } from '../../../database/flavour.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { attachSnapshot } from '../../../database/session/snapshot.ts';
import { shardsFlavour } from '../../../database/shards/shards.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { waitUntil } from '../../support/wait-for.ts';

const OPTIONS: SnapshotOptions = { selection: EVERYTHING, lockTimeoutMs: 500, attemptsMax: 40 };
const ACCOUNTS = 50;
const TOTAL = 2 * ACCOUNTS * 100;

let servers: TestServer[];
let opened: Session[] = [];
let held: HeldSnapshot | undefined;

beforeAll(async () => {
  // A vacuum of its own accord would be one more in the way, and the first that is named.
  servers = await startCluster(2, { settings: { autovacuum: 'off' } });
  await Promise.all(
    servers.map((server) =>
      server.psql(`CREATE TABLE public.account (id int PRIMARY KEY, balance bigint NOT NULL);
        INSERT INTO public.account SELECT i, 100 FROM generate_series(1, ${ACCOUNTS}) i;
        CREATE TABLE public.other ()`),
    ),
  );
});
afterEach(async () => {
  await held?.release();
  held = undefined;
  await Promise.all(opened.map((session) => session.close()));
  opened = [];
});
afterAll(() => stopAll(servers));

const flavour = () =>
  shardsFlavour({
    segments: servers.map(({ host, port }, content) => ({ content, host, port })),
    connect: ({ content }) => target(content),
  });

function target(content: number) {
  const server = servers[content];
  if (server === undefined) throw new Error(`there is no content ${content}`);
  return server.target();
}

async function connect(content: number): Promise<Session> {
  const session = await openSession(target(content), {
    purpose: 'restore',
    applicationName: 'somebody',
  });
  opened.push(session);
  return session;
}

/** What `pg_stat_activity` and `pg_locks` still show of us. */
async function leftBehind(): Promise<string[]> {
  return Promise.all(
    servers.map((server) =>
      server.psql(`SELECT count(*) || ' ' || (SELECT count(*) FROM pg_locks l WHERE l.pid <> pg_backend_pid() AND l.relation = 'account'::regclass)
        FROM pg_stat_activity WHERE application_name LIKE 'stowage%' AND application_name <> 'stowage-test-psql'`),
    ),
  );
}

/** A session that was cut leaves when its backend notices. */
async function leaves(sessionsAndLocks: string[]): Promise<void> {
  await expect.poll(leftBehind, { timeout: 30_000 }).toEqual(sessionsAndLocks);
}

/** Moves money between the servers, one transaction on both at a time, until told to stop. */
async function moveMoney(writer: number, stop: { now: boolean }, moved: () => void): Promise<void> {
  const [one, two] = await Promise.all([connect(0), connect(1)]);
  for (let transfers = 0; !stop.now; transfers += 1) {
    const row = 1 + ((writer * 7 + transfers * 13) % ACCOUNTS);
    const amount = transfers % 2 === 0 ? 3 : -5;
    await Promise.all([one.query('BEGIN'), two.query('BEGIN')]);
    await one.query('UPDATE public.account SET balance = balance - $1 WHERE id = $2', [
      amount,
      row,
    ]);
    await two.query('UPDATE public.account SET balance = balance + $1 WHERE id = $2', [
      amount,
      row,
    ]);
    await one.query('COMMIT');
    await two.query('COMMIT');
    moved();
  }
}

async function totalUnder(snapshot: HeldSnapshot): Promise<number> {
  const sums = await Promise.all(
    snapshot.nodes.map(async ({ segment, snapshotId }) => {
      const session = await attachSnapshot(target(segment.content), snapshotId, {
        purpose: 'backup',
        applicationName: 'stowage reader',
      });
      const [row] = await session.query<{ sum: number }>(
        'SELECT sum(balance)::float8 AS sum FROM public.account',
      );
      await session.close();
      return row?.sum ?? 0;
    }),
  );
  return sums.reduce((a, b) => a + b, 0);
}

describe('the barrier', () => {
  it('gives every snapshot the same total while money moves between servers', async () => {
    const stop = { now: false };
    let transfers = 0;
    const moved = () => {
      transfers += 1;
    };
    const writers = [0, 1, 2].map((writer) => moveMoney(writer, stop, moved));
    const totals: number[] = [];
    const waits: string[] = [];
    try {
      // As long as it takes for enough to be moved meanwhile.
      for (let round = 0; round < 5 || transfers <= 200; round += 1) {
        const snapshot = await flavour().takeSnapshot(OPTIONS);
        // Later commits must not be seen, by whichever session.
        totals.push(await totalUnder(snapshot), await totalUnder(snapshot));
        waits.push(`${snapshot.attempts} attempts, ${snapshot.writerWaitMs.toFixed(1)} ms`);
        await snapshot.release();
      }
    } finally {
      stop.now = true;
    }
    await Promise.all(writers);
    process.stdout.write(`${transfers} transfers; ${waits.join('; ')}\n`);
    expect(totals).toEqual(Array(totals.length).fill(TOTAL));
  });

  it('leaves no session and no lock after release, also when released twice at once', async () => {
    held = await flavour().takeSnapshot(OPTIONS);
    expect(
      held.nodes.map(({ segment, relations }) => [
        segment.content,
        relations.map(({ name }) => name),
      ]),
    ).toEqual([
      [0, ['account', 'other']],
      [1, ['account', 'other']],
    ]);
    await leaves(['1 1', '1 1']);
    await Promise.all([held.release(), held.release()]);
    await leaves(['0 0', '0 0']);
  });

  it('lets writers write while the snapshot is held, and nobody truncate', async () => {
    held = await flavour().takeSnapshot(OPTIONS);
    const writer = await connect(0);
    await writer.query('UPDATE public.account SET balance = balance');
    await writer.query("SET lock_timeout = '50ms'");
    await expect(writer.query('TRUNCATE public.account')).rejects.toMatchObject({
      code: 'database/locked',
    });
  });

  it('names the session in the way, gives up after the attempts allowed, and leaves nothing', async () => {
    const writer = await connect(1);
    await writer.query("BEGIN; UPDATE public.account SET balance = balance /* month's end */");
    const blocked: Blocked[] = [];
    const taking = flavour().takeSnapshot({
      ...OPTIONS,
      lockTimeoutMs: 200,
      attemptsMax: 2,
      onBlocked: (entry) => blocked.push(entry),
    });
    await expect(taking).rejects.toMatchObject({
      code: 'database/locked',
      where: { content: 1, relation: 'public.account' },
      message: expect.stringMatching(
        new RegExp(
          `pid ${writer.pid}, user postgres, application somebody, idle in transaction: .*month's end`,
        ),
      ) as string,
    });
    expect(
      blocked.map(({ attempt, content, relation }) => ({ attempt, content, relation })),
    ).toEqual([
      { attempt: 1, content: 1, relation: 'public.account' },
      { attempt: 2, content: 1, relation: 'public.account' },
    ]);
    expect(blocked[0]?.blockers).toMatchObject([{ pid: writer.pid, state: 'idle in transaction' }]);
    await leaves(['0 0', '0 1']);
  });

  it('succeeds once the session in the way has gone', async () => {
    const writer = await connect(0);
    await writer.query('BEGIN; LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE');
    let freed: Promise<unknown> | undefined;
    held = await flavour().takeSnapshot({
      ...OPTIONS,
      lockTimeoutMs: 100,
      onBlocked: () => {
        freed ??= writer.query('ROLLBACK');
      },
    });
    await freed;
    expect(held.attempts).toBeGreaterThan(1);
  });

  it('locks and lists nothing that the selection leaves out', async () => {
    const writer = await connect(0);
    await writer.query('BEGIN; LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE');
    held = await flavour().takeSnapshot({
      ...OPTIONS,
      selection: { ...EVERYTHING, excludeTables: ['public.account'] },
      attemptsMax: 1,
    });
    expect(held.nodes[0]?.relations.map(({ name }) => name)).toEqual(['other']);
    expect(held.nodes[0]?.notShipped).toEqual([
      { schema: 'public', name: 'account', kind: 'table', reason: 'excluded' },
    ]);
  });

  it('tries again when a table appears between the look and the snapshot', async () => {
    // A table of the past is found; the one committed while we wait for the writer's lock is not in the list of locks.
    const writer = await connect(0);
    await writer.query('BEGIN; UPDATE public.account SET balance = balance');
    const maker = await connect(0);
    const taking = flavour().takeSnapshot({ ...OPTIONS, lockTimeoutMs: 700 });
    await waitUntil(
      async () =>
        (
          await maker.query(
            "SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted AND locktype = 'relation'",
          )
        ).length > 0,
    );
    await maker.query('CREATE TABLE public.newcomer (a int)');
    await writer.query('COMMIT');
    held = await taking;
    expect(held.nodes[0]?.relations.map(({ name }) => name)).toEqual([
      'account',
      'newcomer',
      'other',
    ]);
    expect(held.attempts).toBeGreaterThan(1);
    await maker.query("SET lock_timeout = '50ms'");
    await expect(maker.query('DROP TABLE public.newcomer')).rejects.toMatchObject({
      code: 'database/locked',
    });
    await held.release();
    await maker.query('DROP TABLE public.newcomer');
  });

  it('rejects `lost` when a holder is terminated, naming the segment', async () => {
    held = await flavour().takeSnapshot(OPTIONS);
    await servers[1]?.psql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%content 1 holder'",
    );
    await expect(held.lost).rejects.toMatchObject({
      code: 'database/unreachable',
      where: { content: 1 },
    });
    await held.release();
    await leaves(['0 0', '0 0']);
    await expect(
      attachSnapshot(target(1), held.nodes[1]?.snapshotId ?? '', {
        purpose: 'backup',
        applicationName: 'x',
      }),
    ).rejects.toMatchObject({ code: 'database/failed' });
  });

  it('stops waiting at once when it is interrupted', async () => {
    const writer = await connect(0);
    await writer.query('BEGIN; UPDATE public.account SET balance = balance');
    const controller = new AbortController();
    const taking = flavour().takeSnapshot({
      ...OPTIONS,
      lockTimeoutMs: 100_000,
      signal: controller.signal,
    });
    await waitUntil(
      async () =>
        (
          await writer.query(
            "SELECT 1 FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted AND locktype = 'relation'",
          )
        ).length > 0,
    );
    controller.abort();
    await expect(taking).rejects.toMatchObject({ code: 'interrupted' });
    await leaves(['0 1', '0 0']);
  });

  it('names a segment that is not there, and leaves nothing on the others', async () => {
    const absent = shardsFlavour({
      segments: [...servers, { host: '127.0.0.1', port: 1 }].map(({ host, port }, content) => ({
        content,
        host,
        port,
      })),
      connect: ({ content, port }) => (content === 2 ? { ...target(0), port } : target(content)),
    });
    await expect(absent.takeSnapshot(OPTIONS)).rejects.toMatchObject({
      code: 'database/unreachable',
      where: { content: 2 },
    });
    await leaves(['0 0', '0 0']);
  });
});
