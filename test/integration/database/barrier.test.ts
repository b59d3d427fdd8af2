import { describe, expect, it } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { HeldSnapshot } from '../../../database/flavour.ts';
import { attachSnapshot } from '../../../database/session/snapshot.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { ACCOUNTS, barrierCluster, OPTIONS } from './barrier-cluster.ts';

const TOTAL = 2 * ACCOUNTS * 100;
const { servers, target, flavour, connect, holding, leaves } = barrierCluster();

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
      // Until enough transfers were made meanwhile.
      for (let round = 0; round < 5 || transfers <= 200; round += 1) {
        const snapshot = await flavour().takeSnapshot(OPTIONS);
        // No session may see later commits.
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

  it('leaves no session and no lock after a release, even if released twice at once', async () => {
    const held = await holding(flavour().takeSnapshot(OPTIONS));
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

  it('neither locks nor ships a table that the selection excludes', async () => {
    const writer = await connect(0);
    await writer.query('BEGIN; LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE');
    const held = await holding(
      flavour().takeSnapshot({
        ...OPTIONS,
        selection: { ...EVERYTHING, excludeTables: ['public.account'] },
        attemptsMax: 1,
      }),
    );
    expect(held.nodes[0]?.relations.map(({ name }) => name)).toEqual(['other']);
    expect(held.nodes[0]?.notShipped).toEqual([
      {
        schema: 'public',
        name: 'account',
        kind: 'table',
        reason: 'excluded',
        partitionRoot: null,
      },
    ]);
  });

  it('tries again when a table is created between the list of locks and the snapshot', async () => {
    // The new table is committed while we wait for the writer's lock, so it is not in the list of
    // locks.
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
    const held = await holding(taking);
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

  it('rejects `lost` with the segment when a holder is terminated', async () => {
    const held = await holding(flavour().takeSnapshot(OPTIONS));
    await servers()[1]?.psql(
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

  it('names a segment that cannot be reached, and leaves nothing on the others', async () => {
    const absent = shardsFlavour({
      segments: [...servers(), { host: '127.0.0.1', port: 1 }].map(({ host, port }, content) => ({
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
