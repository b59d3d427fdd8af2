import { setTimeout as sleep } from 'node:timers/promises';
import { openSession, type Session } from '../../../../database/session/session.ts';
import { BANK } from '../../../support/e2e/bank.ts';
import { DATABASE } from '../../../support/e2e/cluster.ts';
import type { TestServer } from '../../../support/servers/postgres.ts';

export interface Writers {
  /** Ends after the current transfer. @throws when a transfer failed. */
  stop(): Promise<void>;
}

const ACCOUNTS = 1_000;
/** Leaves the processors to the commands: the barrier needs transfers in flight, not many. */
const PAUSE_MS = 4;

/** Moves money from the second shard to the first, in one transaction on each, until stopped. */
export async function startWriters(servers: readonly TestServer[]): Promise<Writers> {
  const sessions = await Promise.all(
    servers.map((server) =>
      openSession(server.target(DATABASE), {
        purpose: 'restore',
        applicationName: 'chaos writer',
      }),
    ),
  );
  let stopping = false;
  const running = (async () => {
    try {
      for (let number = 0; !stopping; number += 1) {
        await transfer(sessions, 1 + (number % ACCOUNTS));
        await sleep(PAUSE_MS);
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
    },
  };
}

/** The second transaction stays open while the first commits: a torn snapshot would see it. */
async function transfer(sessions: readonly Session[], account: number): Promise<void> {
  for (const [content, session] of sessions.entries()) {
    const amount = content === 0 ? 1 : -1;
    await session.script(`BEGIN;
      UPDATE ${BANK}.account SET balance = balance + ${amount}, changed = clock_timestamp() WHERE id = ${account};
      INSERT INTO ${BANK}.transfer (account, amount, peer_content) VALUES (${account}, ${amount}, ${1 - content})`);
  }
  for (const session of sessions) await session.query('COMMIT');
}
