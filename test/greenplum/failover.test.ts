import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { failureOf, startStowage, stowage } from '../support/cli.ts';
import { afterFirstReceipt, storedKeys } from '../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { SLOW_RATE_BYTES } from '../support/e2e/processes.ts';
import { bigSql } from './objects/objects.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { withoutThrowaways } from './support/doctor-cluster.ts';
import { waitForCopy } from './support/faults.ts';
import { type MirroredCluster, mirroredCluster } from './support/mirrored-cluster.ts';
import { SEGMENT_SNAPSHOTS, takenBy } from './support/snapshots.ts';

/** At RATE_BYTES this takes long enough that rows are in transit at the failover. */
const MEGABYTES = 100;
const RATE_BYTES = 1_000_000;
const TABLES = ['big.heap', 'big.ao'];

const WAYS = [
  { way: 'on the segments', flags: [] },
  { way: 'through the coordinator', flags: ['--resize'] },
];

describe.skipIf(withoutGreenplum || withoutThrowaways)('when a primary is lost', () => {
  let place: Place;
  let fifoBase: string;
  let cluster: MirroredCluster;
  let source: TestDatabase;
  let root: string;
  let timestamp: string;
  let rows: string[];

  beforeAll(async () => {
    place = await directoryPlace();
    root = place.newRoot();
    fifoBase = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    // The server's user must be able to enter it.
    await chmod(fifoBase, 0o755);
    const [first] = await clustersUnderTest();
    cluster = await mirroredCluster(first);
    source = await freshDatabase(cluster, [bigSql(MEGABYTES)]);
    rows = await countsIn(source);
    await cluster.recover();
    const backup = await stowage(['backup'], { config: await configOf({}) });
    expect(failureOf(backup)).toBeUndefined();
    timestamp = backup.json.timestamp;
  });
  afterAll(async () => {
    await cluster?.destroy();
    await place?.stop();
    if (fifoBase !== undefined) await rm(fifoBase, { recursive: true, force: true });
  });
  beforeEach(() => cluster.recover());

  describe.each(SEGMENT_SNAPSHOTS)('a backup by %s', (snapshot) => {
    test('waits for the mirror, and is complete', async () => {
      const config = await configOf({ backup: takenBy(snapshot) });
      await cluster.kill(0, 'p');
      const backup = await stowage(['backup'], { config });
      expect(failureOf(backup)).toBeUndefined();
      expect(backup.json.status).toBe('complete');
      const notes = backup.stderrEvents.filter(({ event }) => event === 'silent');
      expect(notes).toEqual([
        expect.objectContaining({ message: expect.stringContaining('content 0 (127.0.0.1:') }),
      ]);
      const verified = await stowage(['verify', backup.json.timestamp], { config });
      expect(verified.code).toBe(0);
    });

    test('that has begun is incomplete and names the content, and the next one is complete', async () => {
      const ownRoot = place.newRoot();
      const config = await configOf({
        root: ownRoot,
        backup: { ...takenBy(snapshot), packBytes: 1024 * 1024, frameBytes: 256 * 1024 },
        shippers: { workers: 2, fifoBase, maxRateBytes: RATE_BYTES },
      });
      const store = await place.open(ownRoot);
      try {
        const run = startStowage(['backup'], { config });
        const shipping = snapshot === 'dispatch through the coordinator' ? -1 : 1;
        await afterFirstReceipt(run, store, shipping);
        await cluster.kill(1, 'p');
        const { code, json } = await run.ended;
        expect([code, json?.status]).toEqual([3, 'incomplete']);
        expect(json.failures[0]).toMatchObject({
          content: 1,
          code: expect.stringMatching(/^database\/(segment-down|unreachable)$/),
        });
        expect(await storedKeys(store, 'manifest')).toEqual([]);
        const { json: shown } = await stowage(['show', json.timestamp], { config });
        expect(shown.verdict.problems).toContainEqual(
          expect.objectContaining({ content: 1, code: 'segment-failed' }),
        );
        const again = await stowage(['backup'], { config: await configOf({ root: ownRoot }) });
        expect(failureOf(again)).toBeUndefined();
        expect(again.json.status).toBe('complete');
      } finally {
        await store.close();
      }
    });
  });

  describe.each(WAYS)('a restore $way', ({ flags }) => {
    test('waits for the mirror, and loads all rows', async () => {
      const database = databaseOn(cluster, freshName());
      const config = await configOf({});
      await cluster.kill(1, 'p');
      const restore = await stowage(
        ['restore', timestamp, '--create', '--redirect-db', database.name, ...flags],
        { config },
      );
      expect(failureOf(restore)).toBeUndefined();
      expect(await countsIn(database)).toEqual(rows);
      await database.drop();
    });

    test('that has begun fails and names the content, and is resumed on the mirror', async () => {
      const database = databaseOn(cluster, freshName());
      const maxRateBytes = 2 * SLOW_RATE_BYTES;
      const slow = await configOf({ shippers: { workers: 2, fifoBase, maxRateBytes } });
      const into = ['--create', '--no-verify', '--redirect-db', database.name, ...flags];
      const run = startStowage(['restore', timestamp, ...into], { config: slow });
      const { id } = await run.waitForEvent('request');
      await waitForCopy(database, 0);
      await cluster.kill(0, 'p');
      const { code, json } = await run.ended;
      expect([code, json?.status]).toEqual([3, 'failed']);
      expect(json.problems).toContainEqual(expect.objectContaining({ content: 0 }));
      const config = await configOf({});
      const resumed = await stowage(['restore', '--resume', String(id)], { config });
      expect(failureOf(resumed)).toBeUndefined();
      expect(await countsIn(database)).toEqual(rows);
      await database.drop();
    });
  });

  test('a backup names the content whose mirror is lost as well, after a bounded time', async () => {
    const config = await configOf({});
    await cluster.kill(0, 'm');
    await cluster.kill(0, 'p');
    const { code, json } = await stowage(['backup'], { config });
    expect([code, json.error]).toEqual([
      6,
      expect.objectContaining({
        code: 'database/segment-down',
        message: expect.stringMatching(
          /no answer for \d+ s from content 0 \(127\.0\.0\.1:\d+; its/,
        ),
        where: { content: 0 },
      }),
    ]);
  });

  function configOf(more: Readonly<Record<string, unknown>>): Promise<string> {
    return configFor(place, source, root, { shippers: { workers: 2, fifoBase }, ...more });
  }

  function countsIn(database: TestDatabase): Promise<string[]> {
    return Promise.all(TABLES.map((table) => database.psql(`SELECT count(*) FROM ${table}`)));
  }
});
