import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { globalsSql, objectsSql } from './objects/objects.ts';
import {
  clustersUnderTest,
  type GreenplumCluster,
  psql,
  targetOf,
  withoutGreenplum,
} from './support/cluster.ts';
import {
  type DatabaseContents,
  databaseContents,
  globalsOf,
  misplacedRowsOf,
  unequalCopiesOf,
} from './support/compare.ts';
import {
  configFor,
  databaseOn,
  dropGlobals,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();
const [sourceCluster] = clusters;
/** One case per target cluster. The source is a target too, where --resize changes nothing. */
const cases = SNAPSHOTS.flatMap((snapshot) =>
  clusters
    .filter(({ major }) => major === sourceCluster?.major)
    .map((target) => ({
      snapshot,
      target,
      counts: `${sourceCluster?.segments.length} to ${target.segments.length}`,
    })),
);

/** Restores a set into another number of segments, and a backup of that into the first number. */
describe.skipIf(withoutGreenplum).each(cases)(
  'a restore from $counts segments, with a snapshot by $snapshot,',
  ({ target, snapshot }) => {
    const prefix = `${freshName()}_`;
    const made: TestDatabase[] = [];
    let place: Place;
    let source: TestDatabase;
    let resized: TestDatabase;
    let before: DatabaseContents;
    let globals: string;

    beforeAll(async () => {
      place = await directoryPlace();
      const cluster = sourceCluster as GreenplumCluster;
      await psql(targetOf(cluster), globalsSql(prefix));
      source = await freshDatabase(
        cluster,
        objectsSql({ major: cluster.major, rolePrefix: prefix }),
      );
      made.push(source);
      before = await databaseContents(source);
      globals = await globalsOf(cluster, prefix);
    });
    afterAll(async () => {
      for (const database of made) await database.drop();
      for (const cluster of new Set([sourceCluster, target]))
        if (cluster !== undefined) await dropGlobals(cluster, prefix);
      await place?.stop();
    });

    test('loads every row into its segment over several connections, and restores the roles', async () => {
      resized = databaseOn(target, freshName());
      await backUpAndRestore(source, resized, ...(target === sourceCluster ? [] : ['--globals']));
      expect(await globalsOf(target, prefix)).toBe(globals);
    });

    test('can be reversed: a backup of the result restores into the first number of segments', () =>
      backUpAndRestore(resized, databaseOn(sourceCluster as GreenplumCluster, freshName())));

    async function backUpAndRestore(
      from: TestDatabase,
      to: TestDatabase,
      ...args: string[]
    ): Promise<void> {
      made.push(to);
      const root = place.newRoot();
      const backup = await command(['backup'], from, root);
      const resize = [
        '--create',
        '--workers',
        '4',
        ...(to.cluster === from.cluster ? ['--resize'] : []),
      ];
      const restore = await command(
        ['restore', backup.json.timestamp, '--redirect-db', to.name, ...resize, ...args],
        to,
        root,
      );
      expect(restore.json).toMatchObject({
        status: 'restored',
        totals: { rows: backup.json.rows },
      });
      const after = await databaseContents(to);
      expect(after.rows).toEqual(before.rows);
      expect(after.sequences).toEqual(before.sequences);
      expect(after.schema).toBe(before.schema);
      expect(await misplacedRowsOf(to)).toEqual([]);
      expect(await unequalCopiesOf(to)).toEqual([]);
      const spread = await to.psql('SELECT count(DISTINCT gp_segment_id) FROM kinds.heap');
      expect(Number(spread)).toBe(to.cluster.segments.length);
    }

    async function command(
      args: string[],
      database: TestDatabase,
      root: string,
    ): Promise<CliResult> {
      const config = await configFor(place, database, root, { backup: takenBy(snapshot) });
      const result = await stowage(args, { config });
      expect(failureOf(result)).toBeUndefined();
      return result;
    }
  },
);
