import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { bankSql, bankTotals, startBankWriters, UNTORN } from './support/bank.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import { misplacedRowsOf } from './support/compare.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

/**
 * Without a barrier the snapshots of the segments were torn in one of thirteen reads, so that fifty
 * backups would show a torn set with near certainty.
 */
const RUNS = Number(process.env['STOWAGE_TEST_TORN_RUNS'] ?? 5);
const SECONDS_PER_RUN_MAX = 60;
const timeout = (RUNS * SECONDS_PER_RUN_MAX + 60) * 1000;

/** Each set must show one moment of the whole cluster while writers run. */
describe.skipIf(withoutGreenplum).each(SNAPSHOTS)(
  'while writers move money between segments, with a snapshot by %s,',
  (snapshot) => {
    let place: Place;
    let source: TestDatabase;
    let config: string;
    const timestamps: string[] = [];

    beforeAll(async () => {
      place = await directoryPlace();
      const [cluster] = await clustersUnderTest();
      source = await freshDatabase(cluster, [bankSql]);
      config = await configFor(place, source, place.newRoot(), { backup: takenBy(snapshot) });
    });
    afterAll(async () => {
      await source?.drop();
      await place?.stop();
    });

    test(`${RUNS} backups succeed and the writers continue`, { timeout }, async () => {
      const alone = await measureWriters(() => sleep(5_000));
      const waits: number[] = [];
      const beside = await measureWriters(async () => {
        for (let run = 0; run < RUNS; run++) {
          const backup = await stowage(['backup'], { config });
          expect(failureOf(backup)).toBeUndefined();
          timestamps.push(backup.json.timestamp);
          waits.push(backup.json.writerWaitMs);
        }
      });
      expect(beside.transfers).toBeGreaterThan(RUNS);
      // Printed, not asserted: the figures depend on the machine.
      process.stdout.write(
        `${snapshot}: ${RUNS} backups, ${beside.transfers} transfers beside them; the barrier held writers for ${Math.max(...waits)} ms at most; ` +
          `longest transfer ${Math.round(beside.longestMs)} ms, median ${Math.round(beside.medianMs)} ms ` +
          `(without a backup ${Math.round(alone.longestMs)} and ${Math.round(alone.medianMs)} ms)\n`,
      );
    });

    test('no set is torn', { timeout }, async () => {
      let legsBefore = 0;
      for (const timestamp of timestamps) {
        const restored = databaseOn(source.cluster, freshName());
        try {
          const args = ['restore', timestamp, '--create', '--redirect-db', restored.name];
          expect(failureOf(await stowage(args, { config }))).toBeUndefined();
          const { legs, ...bank } = await bankTotals(restored);
          expect({ timestamp, ...bank }).toEqual({ timestamp, ...UNTORN });
          // Transfers were committed between the last snapshot and this one.
          expect(legs).toBeGreaterThan(legsBefore);
          legsBefore = legs;
          expect(await misplacedRowsOf(restored)).toEqual([]);
        } finally {
          await restored.drop();
        }
      }
      expect(timestamps).toHaveLength(RUNS);
    });

    async function measureWriters(meanwhile: () => Promise<unknown>) {
      const writers = await startBankWriters(source);
      try {
        await meanwhile();
      } catch (error) {
        await writers.stop();
        throw error;
      }
      return writers.stop();
    }
  },
);
