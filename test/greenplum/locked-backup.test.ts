import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSession, type Session } from '../../database/session/session.ts';
import { type RunningCli, startStowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { waitUntil } from '../support/wait-for.ts';
import { clustersUnderTest, targetOf, withoutGreenplum } from './support/cluster.ts';
import { configFor, freshDatabase, type TestDatabase } from './support/database.ts';
import { leftoversOf, NO_LEFTOVERS, waitForSegments } from './support/faults.ts';
import { SNAPSHOTS, type Snapshot, takenBy } from './support/snapshots.ts';

/** A lock is awaited for 1.5 s. */
const LOCKS = { lockTimeoutMs: 300, lockAttempts: 5 };
const WAITS = `SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'
  AND relation = 'public.small'::regclass AND gp_segment_id = -1`;

describe.skipIf(withoutGreenplum)('a backup of a Greenplum that other sessions lock', () => {
  let place: Place;
  let fifoBase: string;
  let database: TestDatabase;
  let application: Session;

  beforeAll(async () => {
    place = await directoryPlace();
    fifoBase = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    // The server's user must be able to enter it.
    await chmod(fifoBase, 0o755);
    const [cluster] = await clustersUnderTest();
    database = await freshDatabase(cluster, [
      ...['one', 'two'].map(
        (name) =>
          `CREATE TABLE public.${name} AS SELECT i, md5(i::text) || md5((-i)::text) AS t FROM generate_series(1, 100000) i DISTRIBUTED BY (i); ANALYZE public.${name};`,
      ),
      'CREATE TABLE public.small AS SELECT i FROM generate_series(1, 100) i DISTRIBUTED BY (i); ANALYZE public.small;',
      'CREATE UNLOGGED TABLE public.cache (i int) DISTRIBUTED BY (i);',
    ]);
    application = await openSession(targetOf(cluster, database.name), {
      purpose: 'restore',
      applicationName: 'billing',
    });
  });
  afterAll(async () => {
    await application?.close();
    await database?.drop();
    await place?.stop();
    if (fifoBase !== undefined) await rm(fifoBase, { recursive: true, force: true });
  });

  async function startBackup(snapshot: Snapshot, maxRateBytes?: number): Promise<RunningCli> {
    const config = await configFor(place, database, place.newRoot(), {
      backup: { ...takenBy(snapshot), ...LOCKS, unloggedRows: false },
      shippers: { workers: 2, fifoBase, ...(maxRateBytes !== undefined && { maxRateBytes }) },
    });
    return startStowage(['backup'], { config });
  }

  async function namesTheSession(run: RunningCli, relation: string): Promise<void> {
    const { code, json, text } = await run.ended;
    expect([code, json?.status, text]).toEqual([3, 'incomplete', expect.anything()]);
    expect(json.failures).toMatchObject([{ code: 'database/locked' }]);
    expect(json.failures[0]?.message).toMatch(
      new RegExp(`waited 1\\.5 s for a lock on ${relation} .*pid ${application.pid} .*billing`),
    );
    await waitForSegments({ database });
  }

  test.each(SNAPSHOTS)(
    'ends with database/locked and names the session when pg_dump waits for a table without rows in the set, with a snapshot by %s',
    async (snapshot) => {
      await application.query('BEGIN; TRUNCATE public.cache');
      await namesTheSession(await startBackup(snapshot), 'public\\.cache');
      await application.query('ROLLBACK');
    },
  );

  test.each(['dispatch to programs', 'dispatch through the coordinator'] as const)(
    'ends with database/locked when a TRUNCATE waits before a table is read, and the TRUNCATE goes on, with a snapshot by %s',
    async (snapshot) => {
      const run = await startBackup(snapshot, 400_000);
      await run.waitForEvent('snapshot');
      const truncating = application.query('TRUNCATE public.small');
      await waitUntil(async () => (await database.psql(WAITS)).trim() === '1');
      await truncating;
      await namesTheSession(run, 'public\\.small');
    },
  );

  test('names the session that keeps a table locked before the snapshot by dispatch', async () => {
    await application.query('BEGIN; LOCK TABLE public.small IN ACCESS EXCLUSIVE MODE');
    const { code, json } = await (await startBackup('dispatch')).ended;
    expect([code, json.error.code]).toEqual([6, 'database/locked']);
    expect(json.error.message).toMatch(
      new RegExp(`cannot lock public\\.small .*pid ${application.pid} .*billing`),
    );
    await application.query('ROLLBACK');
  });

  test('leaves nothing', async () => {
    const run = await startBackup('dispatch');
    expect((await run.ended).json.status).toBe('complete');
    await application.close();
    expect(await leftoversOf({ run, database, fifoBase })).toEqual(NO_LEFTOVERS);
  });
});
