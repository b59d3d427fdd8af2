import { describe, expect, it } from 'vitest';
import type { Blocked } from '../../../database/flavour.ts';
import { waitUntil } from '../../support/wait-for.ts';
import { barrierCluster, OPTIONS } from './barrier-cluster.ts';

const { flavour, connect, holding, leaves } = barrierCluster();

/** The first attempts are short: a busy machine may not say in time who blocks them. */
const LONG_ENOUGH = { lockTimeoutMs: 800, attemptsMax: 4 };

describe('the barrier among writers', () => {
  it('allows writes while the snapshot is held, and blocks TRUNCATE', async () => {
    await holding(flavour().takeSnapshot(OPTIONS));
    const writer = await connect(0);
    await writer.query('UPDATE public.account SET balance = balance');
    await writer.query("SET lock_timeout = '50ms'");
    await expect(writer.query('TRUNCATE public.account')).rejects.toMatchObject({
      code: 'database/locked',
    });
  });

  it('names the blocking session, fails after the allowed attempts, and leaves no session and no lock', async () => {
    const writer = await connect(1);
    await writer.query("BEGIN; UPDATE public.account SET balance = balance /* month's end */");
    const blocked: Blocked[] = [];
    const taking = flavour().takeSnapshot({
      ...OPTIONS,
      ...LONG_ENOUGH,
      onBlocked: (entry) => blocked.push(entry),
    });
    await expect(taking).rejects.toMatchObject({
      code: 'database/locked',
      where: { content: 1, relation: 'public.account' },
      message: expect.stringMatching(
        new RegExp(
          `pid ${writer.pid} \\(user postgres, application other application, idle in transaction\\): .*month's end`,
        ),
      ) as string,
    });
    expect(blocked.map(({ attempt, content }) => [attempt, content])).toEqual(
      [1, 2, 3, 4].map((attempt) => [attempt, 1]),
    );
    expect(blocked.at(-1)).toMatchObject({
      relation: 'public.account',
      blockers: [{ pid: writer.pid, state: 'idle in transaction' }],
    });
    await leaves(['0 0', '0 1']);
  });

  it.each([
    ['SHARE', 'UPDATE public.account SET balance = balance'],
    ['ACCESS SHARE', 'LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE'],
  ])('names the prepared transaction that blocks %s, its owner and its age', async (_, sql) => {
    const writer = await connect(1);
    await writer.query(`BEGIN; ${sql}`);
    await writer.query("PREPARE TRANSACTION 'order 7, it''s late'");
    const blocked: Blocked[] = [];
    try {
      const taking = flavour().takeSnapshot({
        ...OPTIONS,
        ...LONG_ENOUGH,
        onBlocked: (entry) => blocked.push(entry),
      });
      await expect(taking).rejects.toMatchObject({
        code: 'database/locked',
        where: { content: 1, relation: 'public.account' },
        message: expect.stringMatching(
          /blocked by prepared transaction "order 7, it's late" of postgres, prepared at 20\d\d-.*Z \(COMMIT PREPARED or ROLLBACK PREPARED ends it\)$/,
        ) as string,
      });
      expect(blocked).toHaveLength(4);
      expect(blocked.at(-1)?.blockers).toMatchObject([
        { pid: 0, user: 'postgres', prepared: { gid: "order 7, it's late" } },
      ]);
    } finally {
      await writer.query("ROLLBACK PREPARED 'order 7, it''s late'");
    }
  });

  it('reports the longest wait of a writer, that of failed attempts included', async () => {
    const [blocker, writer] = [await connect(0), await connect(0)];
    await blocker.query('BEGIN; UPDATE public.account SET balance = balance WHERE id = 1');
    const waits: number[] = [];
    let isOver = false;
    const write = async () => {
      while (!isOver) {
        const since = performance.now();
        await writer.query('UPDATE public.account SET balance = balance WHERE id = 2');
        waits.push(performance.now() - since);
      }
    };
    const writing = write();
    let freed: Promise<unknown> | undefined;
    const held = await holding(
      flavour().takeSnapshot({
        ...OPTIONS,
        lockTimeoutMs: 400,
        onBlocked: ({ attempt }) => {
          if (attempt === 3) freed = blocker.query('ROLLBACK');
        },
      }),
    );
    isOver = true;
    await Promise.all([writing, freed]);
    const longest = Math.max(...waits);
    expect(longest).toBeGreaterThan(300);
    // A statement itself takes some milliseconds on a busy machine.
    expect(held.writerWaitMs).toBeGreaterThan(longest - 100);
  });

  it('succeeds once the blocking session has ended', async () => {
    const writer = await connect(0);
    await writer.query('BEGIN; LOCK TABLE public.account IN ACCESS EXCLUSIVE MODE');
    let freed: Promise<unknown> | undefined;
    const held = await holding(
      flavour().takeSnapshot({
        ...OPTIONS,
        lockTimeoutMs: 100,
        onBlocked: () => {
          freed ??= writer.query('ROLLBACK');
        },
      }),
    );
    await freed;
    expect(held.attempts).toBeGreaterThan(1);
  });

  it('stops waiting for a lock at once when it is interrupted', async () => {
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
});
