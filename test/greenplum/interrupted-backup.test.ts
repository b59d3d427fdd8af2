import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ObjectStore } from '../../storage/store.ts';
import { type CliResult, startStowage, stowage } from '../support/cli.ts';
import {
  afterFirstReceipt,
  type BackupPoint,
  storedKeys,
  whenShipperStarts,
} from '../support/e2e/interrupted-run.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { bigSql } from './objects/objects.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import { configFor, freshDatabase, type TestDatabase } from './support/database.ts';
import {
  type Fault,
  killBackend,
  killProgram,
  killShipper,
  leftoversOf,
  NO_LEFTOVERS,
  type RunUnderTest,
  terminateSession,
  waitForSegments,
} from './support/faults.ts';
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

/**
 * At this rate a segment sends a table for most of a minute, so a COPY still runs when the first
 * small pack is stored and the test kills its backend, on a machine of any speed.
 */
const MEGABYTES = 100;
const RATE_BYTES = 1_000_000;

interface StartedBackup extends RunUnderTest {
  readonly store: ObjectStore;
  readonly command: (...args: string[]) => Promise<CliResult>;
}

/** A fault during a backup, and the message that the command must print. */
type FaultCase = readonly [what: string, point: BackupPoint, fault: Fault, cause: RegExp];

const FAULTS: readonly FaultCase[] = [
  ['a backend of a segment is killed', afterFirstReceipt, killBackend(0), /content 0|seg0/],
  [
    'pg_terminate_backend ends its session on the coordinator',
    afterFirstReceipt,
    terminateSession('stowage%holder'),
    /content -1/,
  ],
];

/** Of a content that ships rows. */
const shipperKilled = (content: number): FaultCase => [
  'a shipper is killed',
  afterFirstReceipt,
  killShipper(content),
  new RegExp(`shipper of content ${content} .*SIGKILL`),
];

/** Only where the server starts programs that carry the rows. */
const PROGRAM_FAULTS: readonly FaultCase[] = [
  ['the program of a segment is killed', whenShipperStarts, killProgram('sh', 1), /content 1|seg1/],
  ['the cat of a program is killed', whenShipperStarts, killProgram('cat', 0), /content 0|seg0/],
];

describe.skipIf(withoutGreenplum).each(SNAPSHOTS)('a backup with a snapshot by %s', (snapshot) => {
  /** A content that ships rows. */
  const shipping = ['coordinator', 'dispatch through the coordinator'].includes(snapshot) ? -1 : 1;
  let place: Place;
  let fifoBase: string;
  let database: TestDatabase;
  const stores: ObjectStore[] = [];

  beforeAll(async () => {
    place = await directoryPlace();
    fifoBase = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    // The server's user must be able to enter it.
    await chmod(fifoBase, 0o755);
    const [cluster] = await clustersUnderTest();
    database = await freshDatabase(cluster, [bigSql(MEGABYTES)]);
  });
  afterAll(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await database?.drop();
    await place?.stop();
    if (fifoBase !== undefined) await rm(fifoBase, { recursive: true, force: true });
  });

  test.each([
    shipperKilled(shipping),
    ...FAULTS,
    ...(snapshot === 'dispatch to programs' ? PROGRAM_FAULTS : []),
  ])('is incomplete and names the cause when %s', async (_, point, fault, cause) => {
    const backup = await startBackup();
    await point(backup.run, backup.store, shipping);
    await fault(backup);
    await failsBecauseOf(backup, cause);
  });

  test('is incomplete and names the cause when the shipper of the coordinator is killed at its start', async () => {
    const backup = await startBackup();
    await whenShipperStarts(backup.run, backup.store, -1);
    await killShipper(-1)(backup);
    await failsBecauseOf(backup, /shipper of content -1 .*SIGKILL/);
  });

  test('leaves nothing running after kill -9 of the command line, and a sweep reports the set as overdue', async () => {
    const backup = await startBackup();
    const { timestamp } = await backup.run.waitForEvent('snapshot');
    await afterFirstReceipt(backup.run, backup.store, shipping);
    backup.run.kill('SIGKILL');
    expect((await backup.run.ended).code).toBeNull();
    expect(await leftoversOf(backup)).toEqual(NO_LEFTOVERS);
    await sleep(1_100);
    const sweep = await backup.command('sweep', '--overdue-after', '1');
    expect(sweep.json.overdue).toEqual([timestamp]);
    await isIncomplete(backup, String(timestamp));
  });

  async function startBackup(): Promise<StartedBackup> {
    const root = place.newRoot();
    const config = await configFor(place, database, root, {
      backup: { ...takenBy(snapshot), packBytes: 1024 * 1024, frameBytes: 256 * 1024 },
      shippers: { workers: 2, fifoBase, maxRateBytes: RATE_BYTES },
    });
    const store = await place.open(root);
    stores.push(store);
    const command = (...args: string[]) => stowage(args, { config });
    return { run: startStowage(['backup'], { config }), database, fifoBase, store, command };
  }

  async function failsBecauseOf(backup: StartedBackup, cause: RegExp): Promise<void> {
    const { code, json, text } = await backup.run.ended;
    expect([code, json?.status, text]).toEqual([3, 'incomplete', expect.stringMatching(cause)]);
    expect(json.failures[0]?.message).toMatch(cause);
    await waitForSegments(backup);
    expect(await leftoversOf(backup)).toEqual(NO_LEFTOVERS);
    const { json: shown } = await backup.command('show', json.timestamp);
    expect(shown.verdict.problems.map(({ message }) => message).join('\n')).toMatch(cause);
    await isIncomplete(backup, json.timestamp);
  }

  /** Checks what must be true of every set that was not completed. */
  async function isIncomplete({ store, command }: StartedBackup, timestamp: string): Promise<void> {
    expect(await storedKeys(store, 'manifest')).toEqual([]);
    expect((await command('show', timestamp)).code).toBe(3);
    expect(
      (await command('restore', timestamp, '--create', '--redirect-db', 'never_made')).code,
    ).toBe(3);
    expect((await command('sweep')).json.problems).toEqual([]);
    expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
    expect((await command('list')).json.sets).toMatchObject([{ timestamp, status: 'incomplete' }]);
  }
});
