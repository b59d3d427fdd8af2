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
import { SNAPSHOTS } from './support/snapshots.ts';

/** Long enough that a backup is still at work when it is struck. */
const MEGABYTES = 100;

interface Struck extends RunUnderTest {
  readonly store: ObjectStore;
  readonly command: (...args: string[]) => Promise<CliResult>;
}

/** Each is one loss amid a backup, and what the command must say of it. */
type Loss = readonly [what: string, moment: BackupPoint, blow: Fault, cause: RegExp];

const LOSSES: readonly Loss[] = [
  [
    'kill -9 of a segment’s shipper',
    afterFirstReceipt,
    killShipper(1),
    /shipper of content 1 .*SIGKILL/,
  ],
  ['kill -9 of a segment’s backend', afterFirstReceipt, killBackend(0), /content 0|seg0/],
  [
    'pg_terminate_backend of the coordinator’s session',
    afterFirstReceipt,
    terminateSession('stowage%holder'),
    /content -1/,
  ],
];

/** Only where the server's own programs carry the rows. */
const PROGRAM_LOSSES: readonly Loss[] = [
  ['kill -9 of a segment’s program', whenShipperStarts, killProgram('sh', 1), /content 1|seg1/],
  ['kill -9 of a program’s cat', whenShipperStarts, killProgram('cat', 0), /content 0|seg0/],
];

describe.skipIf(withoutGreenplum).each(SNAPSHOTS)(
  'a backup with the snapshot by %s',
  (snapshot) => {
    let place: Place;
    let fifoBase: string;
    let database: TestDatabase;
    const stores: ObjectStore[] = [];

    beforeAll(async () => {
      place = await directoryPlace();
      fifoBase = await mkdtemp(join(tmpdir(), 'stowage-test-'));
      // The server's user passes through it.
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

    test.each([...LOSSES, ...(snapshot === 'barrier' ? [] : PROGRAM_LOSSES)])(
      '%s',
      async (_, moment, blow, cause) => {
        const struck = await begin();
        await moment(struck.run, struck.store, 1);
        await blow(struck);
        await isIncomplete(struck, cause);
      },
    );

    test('kill -9 of the coordinator’s shipper, at its start', async () => {
      const struck = await begin();
      await whenShipperStarts(struck.run, struck.store, -1);
      await killShipper(-1)(struck);
      await isIncomplete(struck, /shipper of content -1 .*SIGKILL/);
    });

    test('kill -9 of the command line ends everything it began, and a sweep finds the set', async () => {
      const struck = await begin();
      const { timestamp } = await struck.run.waitForEvent('snapshot');
      await afterFirstReceipt(struck.run, struck.store, 1);
      struck.run.kill('SIGKILL');
      expect((await struck.run.ended).code).toBeNull();
      await nothingIsLeft(struck);
      await sleep(1_100);
      const sweep = await struck.command('sweep', '--overdue-after', '1');
      expect(sweep.json.overdue).toEqual([timestamp]);
      await isLost(struck, String(timestamp));
    });

    async function begin(): Promise<Struck> {
      const root = place.newRoot();
      const config = await configFor(place, database, root, {
        backup: { snapshot, packBytes: 4 * 1024 * 1024, frameBytes: 512 * 1024 },
        shippers: { workers: 2, fifoBase },
      });
      const store = await place.open(root);
      stores.push(store);
      const command = (...args: string[]) => stowage(args, { config });
      return { run: startStowage(['backup'], { config }), database, fifoBase, store, command };
    }

    async function isIncomplete(struck: Struck, cause: RegExp): Promise<void> {
      const { code, json, text } = await struck.run.ended;
      expect([code, json?.status, text]).toEqual([3, 'incomplete', expect.stringMatching(cause)]);
      expect(json.failures[0]?.message).toMatch(cause);
      await waitForSegments(struck);
      await nothingIsLeft(struck);
      const { json: shown } = await struck.command('show', json.timestamp);
      expect(shown.verdict.problems.map(({ message }) => message).join('\n')).toMatch(cause);
      await isLost(struck, json.timestamp);
    }

    async function nothingIsLeft(struck: Struck): Promise<void> {
      expect(await leftoversOf(struck)).toEqual(NO_LEFTOVERS);
    }

    /** What holds of every set that was not completed. */
    async function isLost({ store, command }: Struck, timestamp: string): Promise<void> {
      expect(await storedKeys(store, 'manifest')).toEqual([]);
      expect((await command('show', timestamp)).code).toBe(3);
      expect(
        (await command('restore', timestamp, '--create', '--redirect-db', 'never_made')).code,
      ).toBe(3);
      expect((await command('sweep')).json.problems).toEqual([]);
      expect(await Array.fromAsync(store.pendingUploads(''))).toEqual([]);
      expect((await command('list')).json.sets).toMatchObject([
        { timestamp, status: 'incomplete' },
      ]);
    }
  },
);
