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

/** At SLOW_RATE_BYTES this takes long enough that rows are in transit at the interruption. */
const MEGABYTES = 100;
const TABLES = ['big.heap', 'big.ao'];

/** A fault, and the content and message of the problem that the command must report. */
type FaultCase = readonly [
  what: string,
  fault: Fault,
  content: number | typeof NAMED,
  cause: RegExp,
];

/** The content of the segment in Greenplum's message, such as `(seg0 slice1 host:port pid=7)`. */
const NAMED = 'named';

const FAULTS: readonly FaultCase[] = [
  [
    'the shipper of the coordinator is killed',
    killShipper(-1),
    -1,
    /shipper of content -1 .*SIGKILL/,
  ],
  // Through the coordinator, Greenplum does not say which segment failed; on the segments it may
  // name the other one, whose program it has stopped.
  [
    'a backend of a segment is killed',
    killBackend(0),
    NAMED,
    /seg0|MPP detected 1 segment failures|command error message: stopped by a signal/,
  ],
  [
    'pg_terminate_backend ends a session on the coordinator',
    terminateSession('stowage restore%worker%'),
    -1,
    /terminating connection/,
  ],
];

/** Greenplum takes a killed program for a success; the shipper that writes to it reports it. */
const PROGRAM_DIED = /stopped reading|was (?:probably )?killed/;

/** Only where each segment loads its own rows. */
const SEGMENT_FAULTS: readonly FaultCase[] = [
  ['the shipper of a segment is killed', killShipper(1), 1, /shipper of content 1 .*SIGKILL/],
  ['the program of a segment is killed', killProgram('sh', 1), 1, PROGRAM_DIED],
  ['the cat of a program is killed', killProgram('cat', 0), 0, PROGRAM_DIED],
];

const WAYS = [
  { way: 'on the segments', flags: [], faults: [...FAULTS, ...SEGMENT_FAULTS] },
  { way: 'through the coordinator', flags: ['--resize'], faults: FAULTS },
];

describe.skipIf(withoutGreenplum)('a restore that is interrupted while it loads rows', () => {
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
    // The server's user must be able to enter it.
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

  describe.each(WAYS)('$way', ({ flags, faults }) => {
    test.each(faults)('fails and names the cause when %s', async (_, fault, content, cause) => {
      const restore = await startRestore(flags);
      await fault(restore);
      const { code, json, text } = await restore.run.ended;
      expect([code, json?.status, text]).toEqual([3, 'failed', expect.stringMatching(cause)]);
      const found = json.problems.filter(({ message }) => cause.test(message));
      const contents = found.map((problem) => problem.content);
      if (content === NAMED) expect(contents).toEqual(found.map(contentNamedIn));
      else expect(contents).toContain(content);
      const named = json.problems.flatMap(({ relation }) => relation?.name ?? []);
      await loadedWholeTablesOnly(
        restore,
        TABLES.filter((table) => named.includes(table.slice('big.'.length))),
      );
    });

    test('ends with exit code 130 on SIGTERM, and no process continues', async () => {
      const restore = await startRestore(flags);
      restore.run.kill('SIGTERM');
      const { code, json } = await restore.run.ended;
      expect([code, json?.status]).toEqual([130, 'failed']);
      await loadedWholeTablesOnly(restore, []);
    });

    test('keeps a second restore out of its database by a lock on the coordinator alone', async () => {
      const restore = await startRestore(flags);
      const { database } = restore;
      const args = ['restore', timestamp, '--truncate', '--redirect-db', database.name, ...flags];
      const second = await stowage(args, { config });
      expect(second.code).toBe(4);
      expect(second.json.error.message).toMatch(
        /another restore into it is running \(process \d+, "stowage restore /,
      );
      const locks = await database.psql(
        "SELECT DISTINCT gp_segment_id FROM pg_locks WHERE locktype = 'advisory'",
      );
      expect(locks).toBe('-1');
      restore.run.kill('SIGTERM');
      expect((await restore.run.ended).code).toBe(130);
      await loadedWholeTablesOnly(restore, []);
      const left = await source.psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
      expect(left).toBe('0');
    });

    test('leaves nothing running after kill -9 of the command line', async () => {
      const restore = await startRestore(flags);
      restore.run.kill('SIGKILL');
      expect((await restore.run.ended).code).toBeNull();
      await loadedWholeTablesOnly(restore, []);
    });

    test('is resumed after kill -9 of the command line, and keeps a table that is loaded', async () => {
      const { run, database } = await startRestore(flags);
      const { id } = await run.waitForEvent('request');
      run.kill('SIGKILL');
      await run.ended;
      await waitForSegments({ database });
      const truncate = ['restore', timestamp, '--truncate', '--redirect-db', database.name];
      const refused = await stowage(truncate, { config });
      expect(refused.json.error?.message).toContain(`\`stowage restore --resume ${String(id)}\``);
      const resumed = await stowage(['restore', '--resume', String(id)], { config });
      expect(failureOf(resumed)).toBeUndefined();
      expect(await countsIn(database)).toEqual(rows);

      const kept = "SELECT relfilenode FROM pg_class WHERE oid = 'big.heap'::regclass";
      const file = await database.psql(kept);
      const mark = { restore: id, set: timestamp, mode: 'create', reached: 'pre-data' };
      await database.psql(
        `TRUNCATE big.ao; CREATE SCHEMA stowage_unfinished_restore;
         COMMENT ON SCHEMA stowage_unfinished_restore IS '${JSON.stringify(mark)}'`,
      );
      const again = await stowage(['restore', '--resume', String(id)], { config });
      expect(failureOf(again)).toBeUndefined();
      expect(await countsIn(database)).toEqual(rows);
      expect(await database.psql(kept)).toBe(file);
      const left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'stowage%'";
      expect(await database.psql(left)).toBe('0');
      await database.drop();
    });
  });

  test('can be repeated, and the new restore loads all rows', async () => {
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

  async function startRestore(flags: readonly string[]): Promise<RunUnderTest> {
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

  /** A table is loaded whole, in one transaction, or not at all. */
  async function loadedWholeTablesOnly(
    restore: RunUnderTest,
    failed: readonly string[],
  ): Promise<void> {
    await waitForSegments(restore);
    expect(await leftoversOf(restore)).toEqual(NO_LEFTOVERS);
    const counts = await countsIn(restore.database);
    for (const [at, count] of counts.entries()) expect(['0', rows[at]]).toContain(count);
    expect(counts).toContain('0');
    for (const table of failed) expect(counts[TABLES.indexOf(table)]).toBe('0');
    await restore.database.drop();
  }

  async function countsIn(database: TestDatabase): Promise<string[]> {
    return Promise.all(TABLES.map((table) => database.psql(`SELECT count(*) FROM ${table}`)));
  }
});

/** As Greenplum names it; where it names none, the segment that no longer answers, or −1. */
function contentNamedIn({ message }: { readonly message: string }): unknown {
  const [, named] = /\bseg(\d+) |; lost: content (\d+) /.exec(message)?.filter(Boolean) ?? [];
  return named === undefined ? -1 : Number(named);
}
