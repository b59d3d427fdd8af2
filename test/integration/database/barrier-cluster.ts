import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { EVERYTHING } from '../../../backup-set/base/selection.ts';
import type { HeldSnapshot, SnapshotOptions } from '../../../database/flavour.ts';
import { openSession, type Session } from '../../../database/session/session.ts';
import { shardsFlavour } from '../../../database/shards/flavour.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';

export const OPTIONS: SnapshotOptions = {
  selection: EVERYTHING,
  lockTimeoutMs: 500,
  attemptsMax: 40,
};
export const ACCOUNTS = 50;

/** Two servers with a table of accounts. What a test opens or holds is closed after it. */
export function barrierCluster() {
  let servers: TestServer[] = [];
  let opened: Session[] = [];
  let held: HeldSnapshot[] = [];

  beforeAll(async () => {
    // A vacuum would be one more blocker, and the first that is named.
    servers = await startCluster(2, {
      settings: { autovacuum: 'off', max_prepared_transactions: '4' },
    });
    await Promise.all(
      servers.map((server) =>
        server.psql(`CREATE TABLE public.account (id int PRIMARY KEY, balance bigint NOT NULL);
        INSERT INTO public.account SELECT i, 100 FROM generate_series(1, ${ACCOUNTS}) i;
        CREATE TABLE public.other ()`),
      ),
    );
  });
  afterEach(async () => {
    await Promise.all(held.map((snapshot) => snapshot.release()));
    held = [];
    await Promise.all(opened.map((session) => session.close()));
    opened = [];
  });
  afterAll(() => stopAll(servers));

  function target(content: number) {
    const server = servers[content];
    if (server === undefined) throw new Error(`there is no content ${content}`);
    return server.target();
  }
  /** How many sessions and locks of Stowage pg_stat_activity and pg_locks show on each server. */
  const leftBehind = () =>
    Promise.all(
      servers.map((server) =>
        server.psql(`SELECT count(*) || ' ' || (SELECT count(*) FROM pg_locks l WHERE l.pid <> pg_backend_pid() AND l.relation = 'account'::regclass)
        FROM pg_stat_activity WHERE application_name LIKE 'stowage%' AND application_name <> 'stowage-test-psql'`),
      ),
    );
  return {
    servers: () => servers,
    target,
    flavour: () =>
      shardsFlavour({
        segments: servers.map(({ host, port }, content) => ({ content, host, port })),
        connect: ({ content }) => target(content),
      }),
    async connect(content: number): Promise<Session> {
      const session = await openSession(target(content), {
        purpose: 'restore',
        applicationName: 'other application',
      });
      opened.push(session);
      return session;
    },
    /** Releases the snapshot after the test. */
    async holding(taking: Promise<HeldSnapshot>): Promise<HeldSnapshot> {
      const snapshot = await taking;
      held.push(snapshot);
      return snapshot;
    },
    /** A session that was cut ends when its backend notices. */
    async leaves(sessionsAndLocks: string[]): Promise<void> {
      await expect.poll(leftBehind, { timeout: 30_000 }).toEqual(sessionsAndLocks);
    },
  };
}
