import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionTarget } from '../../database/flavour.ts';
import { openSession, type Session } from '../../database/session/session.ts';
import { ACCOUNTS_PER_SHARD } from './data/schema.ts';

export interface Writers {
  /** Ends after the current transfer. */
  stop(): Promise<{ readonly transfers: number; readonly longestMs: number }>;
}

/**
 * Transfers money between accounts on two shards until stopped, each time in a transaction on both.
 * A backup that does not hold one moment of the whole cluster changes the sum of all accounts.
 * They wait `pauseMs` after each transfer; without it they take all CPU that they can get.
 */
export function startWriters(
  targets: readonly ConnectionTarget[],
  { pauseMs }: { readonly pauseMs?: number } = {},
): Writers {
  let stopping = false;
  let transfers = 0;
  let longestMs = 0;
  const running = (async () => {
    const sessions = await Promise.all(
      targets.map((target) =>
        openSession(target, { purpose: 'restore', applicationName: 'stowage demo writer' }),
      ),
    );
    try {
      while (!stopping) {
        const startedAt = performance.now();
        await transfer(sessions, transfers);
        longestMs = Math.max(longestMs, performance.now() - startedAt);
        transfers++;
        if (pauseMs !== undefined) await sleep(pauseMs);
      }
    } finally {
      await Promise.all(sessions.map((session) => session.close()));
    }
  })();
  running.catch(() => undefined);
  return {
    async stop() {
      stopping = true;
      await running;
      return { transfers, longestMs };
    },
  };
}

/** The sum of all accounts on all shards. No transfer changes it. */
export async function totalMoney(targets: readonly ConnectionTarget[]): Promise<number> {
  let total = 0;
  for (const target of targets) {
    const session = await openSession(target, {
      purpose: 'probe',
      applicationName: 'stowage demo',
    });
    try {
      const [row] = await session.query<{ total: number }>(
        'SELECT sum(balance)::float8 AS total FROM world.account',
      );
      total += row?.total ?? 0;
    } finally {
      await session.close();
    }
  }
  return total;
}

async function transfer(sessions: readonly Session[], number: number): Promise<void> {
  const fromContent = number % sessions.length;
  const toContent = (fromContent + 1 + (number % (sessions.length - 1))) % sessions.length;
  // Lower content first, so that two transfers cannot deadlock.
  const legs = [
    { content: fromContent, peer: toContent, amount: -1 },
    { content: toContent, peer: fromContent, amount: 1 },
  ].sort((a, b) => a.content - b.content);
  const account = 1 + (number % ACCOUNTS_PER_SHARD);
  for (const { content, peer, amount } of legs) {
    const session = sessions[content];
    await session?.query('BEGIN');
    await session?.query(
      'UPDATE world.account SET balance = balance + $1, changed = clock_timestamp() WHERE id = $2',
      [amount, account],
    );
    await session?.query(
      'INSERT INTO world.transfer (account, amount, peer_content) VALUES ($1, $2, $3)',
      [account, amount, peer],
    );
  }
  for (const { content } of legs) await sessions[content]?.query('COMMIT');
}
