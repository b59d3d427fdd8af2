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
import { SNAPSHOTS } from './support/snapshots.ts';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();
const [home] = clusters;
/** To every further cluster; and home again under --resize, which distributes anew where nobody needs it. */
const journeys = SNAPSHOTS.flatMap((snapshot) =>
  clusters
    .filter(({ major }) => major === home?.major)
    .map((away) => ({
      snapshot,
      away,
      counts: `${home?.segments.length} → ${away.segments.length} → ${home?.segments.length}`,
    })),
);

/** A set goes to a cluster of another size, and what came there goes home: every row must find its segment twice. */
describe.skipIf(withoutGreenplum).each(journeys)(
  'segments $counts, the snapshot by $snapshot',
  (journey) => {
    const { away, snapshot } = journey;
    const prefix = `${freshName()}_`;
    const made: TestDatabase[] = [];
    let place: Place;
    let source: TestDatabase;
    let there: TestDatabase;
    let before: DatabaseContents;
    let globals: string;

    beforeAll(async () => {
      place = await directoryPlace();
      const cluster = home as GreenplumCluster;
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
      for (const cluster of new Set([home, away]))
        if (cluster !== undefined) await dropGlobals(cluster, prefix);
      await place?.stop();
    });

    test('there: every row finds its segment, with several connections, and roles come along', async () => {
      there = databaseOn(away, freshName());
      await travel(source, there, ...(away === home ? [] : ['--globals']));
      expect(await globalsOf(away, prefix)).toBe(globals);
    });

    test('and home again', () => travel(there, databaseOn(home as GreenplumCluster, freshName())));

    async function travel(from: TestDatabase, to: TestDatabase, ...args: string[]): Promise<void> {
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
        ['restore', backup.json.timestamp, ...resize, ...args],
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
      const config = await configFor(place, database, root, { backup: { snapshot } });
      const result = await stowage(args, { config });
      expect(failureOf(result)).toBeUndefined();
      return result;
    }
  },
);
