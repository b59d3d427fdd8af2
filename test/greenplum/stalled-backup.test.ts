import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startStowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { bigSql } from './objects/objects.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import { configFor, freshDatabase, type TestDatabase } from './support/database.ts';
import { leftoversOf, NO_LEFTOVERS, waitForCopy } from './support/faults.ts';

const MEGABYTES = 60;
/** The COPY must still run when the test finds it, on a machine of any speed. */
const RATE_BYTES = 1_000_000;

describe.skipIf(withoutGreenplum)('a backup of a Greenplum', () => {
  let place: Place;
  let database: TestDatabase;

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster] = await clustersUnderTest();
    database = await freshDatabase(cluster, [bigSql(MEGABYTES)]);
  });
  afterAll(async () => {
    await database?.drop();
    await place?.stop();
  });

  test('ends and names the segment when a backend of it is stopped while it sends rows', async () => {
    const fifoBase = await mkdtemp(join(place.folder, 'fifos-'));
    const config = await configFor(place, database, place.newRoot(), {
      stallSeconds: 3,
      shippers: { workers: 2, maxRateBytes: RATE_BYTES, fifoBase },
    });
    const run = startStowage(['backup'], { config });
    const pid = await waitForCopy(database, 0);
    process.kill(pid, 'SIGSTOP');
    try {
      const { code, json, text } = await run.ended;
      expect(text).toMatch(/has not answered COPY of .* The server answers, and nothing moves/);
      expect(text).toContain(`process ${pid} runs`);
      expect(json.failures[0]).toMatchObject({ content: 0, code: 'database/stalled' });
      expect([code, json.status]).toEqual([3, 'incomplete']);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(await leftoversOf({ run, database, fifoBase })).toEqual(NO_LEFTOVERS);
  });
});
