import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../support/cli.ts';
import { type RunningAgent, startAgent } from '../support/e2e/agents.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { bigSql } from './objects/objects.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { SEGMENT_SNAPSHOTS, type Snapshot, takenBy } from './support/snapshots.ts';

const MEGABYTES = 20;
const COUNTS = `SELECT 'heap', gp_segment_id, count(*) FROM big.heap GROUP BY 2
  UNION ALL SELECT 'ao', gp_segment_id, count(*) FROM big.ao GROUP BY 2 ORDER BY 1, 2`;

/** All contents of a test cluster are on one host, so that one agent serves them all. */
describe.skipIf(withoutGreenplum)('an agent on Greenplum', () => {
  let place: Place;
  let fifoBase: string;
  let source: TestDatabase;
  let agent: RunningAgent;
  let root: string;
  const made: TestDatabase[] = [];

  beforeAll(async () => {
    place = await directoryPlace();
    root = place.newRoot();
    fifoBase = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    // The server's user must be able to enter it.
    await chmod(fifoBase, 0o755);
    const [cluster] = await clustersUnderTest();
    const { host, port, user, binDir } = cluster;
    source = await freshDatabase(cluster, [bigSql(MEGABYTES)]);
    const more = {
      coordinator: { host, port },
      connection: { user, binDir },
      fifoBase,
      pollSeconds: 1,
    };
    agent = await startAgent({ place, root, name: 'greenplum', serves: new Map(), more });
  });
  afterAll(async () => {
    agent?.kill('SIGTERM');
    await agent?.ended;
    for (const database of [source, ...made]) await database?.drop();
    await place?.stop();
    if (fifoBase !== undefined) await rm(fifoBase, { recursive: true, force: true });
  });

  const configured = (database: TestDatabase, snapshot: Snapshot) =>
    configFor(place, database, root, {
      shippers: { workers: 2, fifoBase, start: 'agents' },
      backup: takenBy(snapshot),
    });

  test.each(SEGMENT_SNAPSHOTS)(
    'backs up by %s and restores every row on the segments',
    async (snapshot) => {
      const config = await configured(source, snapshot);
      const backup = await stowage(['backup'], { config });
      expect(failureOf(backup)).toBeUndefined();
      expect(backup.json).toMatchObject({ status: 'complete', failures: [], problems: [] });
      const target = databaseOn(source.cluster, freshName());
      made.push(target);
      const args = ['restore', backup.json.timestamp, '--create', '--redirect-db', target.name];
      const restore = await stowage(args, { config });
      expect(failureOf(restore)).toBeUndefined();
      expect(restore.json).toMatchObject({ status: 'restored', problems: [] });
      expect(restore.stderrEvents.filter(({ event }) => event === 'shipper')).toEqual([]);
      expect(await target.psql(COUNTS)).toBe(await source.psql(COUNTS));
    },
  );

  test('restores every row through the coordinator with --resize', async () => {
    const config = await configured(source, 'barrier');
    const { timestamp } = (await stowage(['list'], { config })).json.sets[0] ?? {};
    const target = databaseOn(source.cluster, freshName());
    made.push(target);
    const args = [
      'restore',
      String(timestamp),
      '--create',
      '--resize',
      '--redirect-db',
      target.name,
    ];
    const restore = await stowage(args, { config });
    expect(failureOf(restore)).toBeUndefined();
    expect(await target.psql(COUNTS)).toBe(await source.psql(COUNTS));
  });
});
