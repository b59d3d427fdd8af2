import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession, type Session } from '../../../database/session/session.ts';
import { startStowage } from '../../support/cli.ts';
import { type RunningAgent, startAgent } from '../../support/e2e/agents.ts';
import { configFor, DATABASE, leftoversOnAll } from '../../support/e2e/cluster.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { startCluster, stopAll, type TestServer } from '../../support/servers/postgres.ts';
import { waitUntil } from '../../support/wait-for.ts';

/** The rows of public.big take some seconds: the other tables are read after them. */
const RATE_BYTES = 400_000;
/** A lock is awaited for 1.5 s. */
const LOCKS = { lockTimeoutMs: 300, lockAttempts: 5 };

let place: Place;
let servers: TestServer[];
let server: TestServer;
/** Sessions of the application. */
let [first, second]: Session[] = [];

beforeAll(async () => {
  place = await directoryPlace();
  servers = await startCluster(1, { databases: [DATABASE], settings: { autovacuum: 'off' } });
  server = servers[0] as TestServer;
  await server.psql(
    `CREATE TABLE public.big AS SELECT i, md5(i::text) || md5((-i)::text) AS t FROM generate_series(1, 60000) i;
     CREATE TABLE public.small AS SELECT i FROM generate_series(1, 100) i;
     CREATE UNLOGGED TABLE public.cache (i int);
     CREATE VIEW public.seen AS SELECT i FROM public.small;
     CREATE SEQUENCE public.numbers`,
    DATABASE,
  );
  const options = { purpose: 'restore', applicationName: 'billing' } as const;
  [first, second] = [
    await openSession(server.target(DATABASE), options),
    await openSession(server.target(DATABASE), options),
  ];
});
afterAll(async () => {
  await Promise.all([first?.close(), second?.close()]);
  await stopAll(servers);
  await place?.stop();
});

async function startBackup(
  shippers: Readonly<Record<string, unknown>> = { workers: 1, maxRateBytes: RATE_BYTES },
) {
  const root = place.newRoot();
  const config = await configFor(place, servers, root, {
    functions: 'inline',
    backup: { ...LOCKS, unloggedRows: false },
    shippers,
  });
  return { root, start: () => startStowage(['backup'], { config }) };
}

/** The application's own sessions stay: only those of the backup must be gone. */
async function leavesNothing() {
  await Promise.all([first?.close(), second?.close()]);
  expect(await leftoversOnAll(servers)).toEqual([]);
}

const WAITS = `SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'`;

describe('a backup whose locks an application waits for', () => {
  test.each(['processes', 'agents'])(
    'ends with database/locked and names the session when a TRUNCATE waits before a table is read, with shippers as %s',
    async (how) => {
      let agent: RunningAgent | undefined;
      const { root, start } = await startBackup(how === 'agents' ? { start: 'agents' } : undefined);
      if (how === 'agents') {
        const more = { workers: 1, maxRateBytes: RATE_BYTES };
        agent = await startAgent({
          place,
          root,
          name: 'host',
          serves: new Map([[0, server]]),
          more,
        });
      }
      const backup = start();
      await backup.waitForEvent('snapshot');
      const truncating = first?.query('TRUNCATE public.small');
      await waitUntil(async () => (await server.psql(WAITS, DATABASE)) === '1');
      // Queues behind the TRUNCATE, and so behind the backup.
      const reading = second?.query('SELECT count(*)::int AS rows FROM public.small');
      await truncating;
      expect(await reading).toEqual([{ rows: 0 }]);
      const { code, json, text } = await backup.ended;
      expect([code, json.status]).toEqual([3, 'incomplete']);
      expect(json.failures).toMatchObject([{ content: 0, code: 'database/locked' }]);
      expect(json.failures[0]?.message).toMatch(
        new RegExp(
          `1\\.5 s for a lock on public\\.small .*pid ${first?.pid} \\(user postgres, application billing, active\\): TRUNCATE public\\.small\\. .*lock_timeout`,
        ),
      );
      expect(text).not.toMatch(/\n\s+at /);
      agent?.kill('SIGTERM');
      await agent?.ended;
      await server.psql('INSERT INTO public.small VALUES (1)', DATABASE);
    },
  );

  test('is complete when the ALTER that waits for it gives up sooner', async () => {
    const { start } = await startBackup();
    const backup = start();
    await backup.waitForEvent('snapshot');
    await first?.query("SET lock_timeout = '500ms'");
    await expect(first?.query('ALTER TABLE public.small ADD COLUMN j int')).rejects.toMatchObject({
      code: 'database/locked',
    });
    expect((await backup.ended).json.status).toBe('complete');
  });
});

describe('a backup of a database in which an application keeps a lock', () => {
  test.each([
    ['an unlogged table, whose rows are not backed up', 'public.cache', 'TRUNCATE public.cache'],
    [
      'a view, which pg_dump reads without LOCK TABLE',
      'public.seen',
      'CREATE OR REPLACE VIEW public.seen AS SELECT i FROM public.small WHERE true',
    ],
    ['a sequence', 'public.numbers', 'DROP SEQUENCE public.numbers'],
  ])('ends with database/locked and names the session and %s', async (_, relation, sql) => {
    await first?.query(`BEGIN; ${sql}`);
    const { start } = await startBackup({ workers: 1 });
    const { code, json } = await start().ended;
    expect([code, json.status]).toEqual([3, 'incomplete']);
    expect(json.failures).toMatchObject([{ content: 0, code: 'database/locked' }]);
    expect(json.failures[0]?.message).toMatch(
      new RegExp(
        `has waited 1\\.5 s for a lock on ${relation} .*pid ${first?.pid} .*application billing`,
      ),
    );
    await first?.query('ROLLBACK');
  });

  test('leaves no session and no lock', leavesNothing);
});
