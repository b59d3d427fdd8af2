import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, startStowage, stowage } from '../support/cli.ts';
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
import {
  type Fault,
  killBackend,
  killProgram,
  killShipper,
  leftoversOf,
  NO_LEFTOVERS,
  type RunUnderTest,
  terminateSession,
  waitForCopy,
  waitForSegments,
} from './support/faults.ts';

/** Long enough, at the rate of SLOWLY, that rows are still on their way when the restore is struck. */
const MEGABYTES = 100;
const TABLES = ['big.heap', 'big.ao'];

/** What is done, and the content and words of the problem that must be told of it. */
type Loss = readonly [what: string, blow: Fault, content: number, cause: RegExp];

const LOSSES: readonly Loss[] = [
  ['kill -9 of the coordinator’s shipper', killShipper(-1), -1, /shipper of content -1 .*SIGKILL/],
  // Through the coordinator Greenplum itself does not say which.
  ['kill -9 of a segment’s backend', killBackend(0), -1, /seg0|MPP detected 1 segment failures/],
  [
    'pg_terminate_backend of a session of the coordinator',
    terminateSession('stowage restore%worker%'),
    -1,
    /terminating connection/,
  ],
];

/** A program that was killed is taken for a success by Greenplum: who handed it rows tells. */
const PROGRAM_DIED = /stopped reading|was it killed/;

/** Only where every segment loads its own rows. */
const SEGMENT_LOSSES: readonly Loss[] = [
  ['kill -9 of a segment’s shipper', killShipper(1), 1, /shipper of content 1 .*SIGKILL/],
  ['kill -9 of a segment’s program', killProgram('sh', 1), 1, PROGRAM_DIED],
  ['kill -9 of a program’s cat', killProgram('cat', 0), 0, PROGRAM_DIED],
];

const WAYS = [
  { way: 'on the segments', flags: [], losses: [...LOSSES, ...SEGMENT_LOSSES] },
  { way: 'through the coordinator', flags: ['--resize'], losses: LOSSES },
];

describe.skipIf(withoutGreenplum)('a restore that is struck amid the rows', () => {
  let place: Place;
  let fifoBase: string;
  let source: TestDatabase;
  let config: string;
  let slow: string;
  let timestamp: string;
  let rows: string[];

  beforeAll(async () => {
    place = await directoryPlace();
    fifoBase = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    // The server's user passes through it.
    await chmod(fifoBase, 0o755);
    const [cluster] = await clustersUnderTest();
    source = await freshDatabase(cluster, [bigSql(MEGABYTES)]);
    rows = await countsIn(source);
    const root = place.newRoot();
    const shippers = { workers: 2, fifoBase };
    config = await configFor(place, source, root, { shippers });
    // All shippers of a host share its rate.
    const maxRateBytes = source.cluster.segments.length * SLOW_RATE_BYTES;
    slow = await configFor(place, source, root, { shippers: { ...shippers, maxRateBytes } });
    const backup = await stowage(['backup'], { config });
    expect(failureOf(backup)).toBeUndefined();
    timestamp = backup.json.timestamp;
  });
  afterAll(async () => {
    await source?.drop();
    await place?.stop();
    if (fifoBase !== undefined) await rm(fifoBase, { recursive: true, force: true });
  });

  describe.each(WAYS)('loading $way', ({ flags, losses }) => {
    test.each(losses)('%s', async (_, blow, content, cause) => {
      const victim = await amidRows(flags);
      await blow(victim);
      const { code, json, text } = await victim.run.ended;
      expect([code, json?.status, text]).toEqual([3, 'failed', expect.stringMatching(cause)]);
      const told = { content, message: expect.stringMatching(cause) as unknown };
      expect(json.problems).toContainEqual(expect.objectContaining(told));
      const named = json.problems.flatMap(({ relation }) => relation?.name ?? []);
      await isHalfAtMost(
        victim,
        TABLES.filter((table) => named.includes(table.slice('big.'.length))),
      );
    });

    test('SIGTERM: exit code 130, and nothing goes on', async () => {
      const victim = await amidRows(flags);
      victim.run.kill('SIGTERM');
      const { code, json } = await victim.run.ended;
      expect([code, json?.status]).toEqual([130, 'failed']);
      await isHalfAtMost(victim, []);
    });

    test('kill -9 of the command line ends everything it began', async () => {
      const victim = await amidRows(flags);
      victim.run.kill('SIGKILL');
      expect((await victim.run.ended).code).toBeNull();
      await isHalfAtMost(victim, []);
    });
  });

  test('and after all that, a new restore brings everything', async () => {
    const database = databaseOn(source.cluster, freshName());
    try {
      const restore = await stowage(
        ['restore', timestamp, '--create', '--redirect-db', database.name],
        {
          config,
        },
      );
      expect(failureOf(restore)).toBeUndefined();
      expect(await countsIn(database)).toEqual(rows);
    } finally {
      await database.drop();
    }
  });

  async function amidRows(flags: readonly string[]): Promise<RunUnderTest> {
    const database = databaseOn(source.cluster, freshName());
    const args = [
      'restore',
      timestamp,
      '--create',
      '--no-verify',
      '--redirect-db',
      database.name,
      ...flags,
    ];
    const run = startStowage(args, { config: slow });
    await waitForCopy(database, 0);
    return { run, database, fifoBase };
  }

  /** What was not restored must not look restored: a table comes whole, in one transaction, or not at all. */
  async function isHalfAtMost(victim: RunUnderTest, failed: readonly string[]): Promise<void> {
    await waitForSegments(victim);
    expect(await leftoversOf(victim)).toEqual(NO_LEFTOVERS);
    const counts = await countsIn(victim.database);
    for (const [at, count] of counts.entries()) expect(['0', rows[at]]).toContain(count);
    expect(counts).toContain('0');
    for (const table of failed) expect(counts[TABLES.indexOf(table)]).toBe('0');
    await victim.database.drop();
  }

  async function countsIn(database: TestDatabase): Promise<string[]> {
    return Promise.all(TABLES.map((table) => database.psql(`SELECT count(*) FROM ${table}`)));
  }
});
