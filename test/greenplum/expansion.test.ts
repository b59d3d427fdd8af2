import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import {
  clustersUnderTest,
  type GreenplumCluster,
  psql,
  targetOf,
  withoutGreenplum,
} from './support/cluster.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

/** Two replicated tables: one of them would be taken from each segment. */
const TABLES_SQL = `
CREATE TABLE hashed (a int, b text) DISTRIBUTED BY (a);
CREATE TABLE columns (a int, b text) WITH (appendonly=true, orientation=column) DISTRIBUTED BY (a);
CREATE TABLE anywhere (a int, b text) DISTRIBUTED RANDOMLY;
CREATE TABLE parts (a int, b text) DISTRIBUTED BY (a)
  PARTITION BY RANGE (a) (START (0) END (300) EVERY (100));
CREATE TABLE copied1 (a int, b text) DISTRIBUTED REPLICATED;
CREATE TABLE copied2 (a int, b text) DISTRIBUTED REPLICATED;
CREATE TABLE everywhere (a int, b text) DISTRIBUTED BY (a);`;
const TABLES = ['hashed', 'columns', 'anywhere', 'parts', 'copied1', 'copied2', 'everywhere'];
/** As gpexpand leaves tables that it has not redistributed. */
const ON_FIRST_SEGMENT = `SET allow_system_table_mods = on;
UPDATE gp_distribution_policy SET numsegments = 1 WHERE localoid::regclass::text <> 'everywhere';`;

describe.skipIf(withoutGreenplum)('while gpexpand is not finished', () => {
  let place: Place;
  let source: TestDatabase;
  let targets: readonly GreenplumCluster[];
  let sums: string[];

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster, ...others] = await clustersUnderTest();
    targets = [cluster, ...others];
    source = await freshDatabase(cluster, [TABLES_SQL]);
    const utility = cluster.major >= 7 ? '-c gp_role=utility' : '-c gp_session_role=utility';
    await psql({ ...targetOf(cluster, source.name), options: utility }, ON_FIRST_SEGMENT);
    for (const { content } of cluster.segments) await source.psqlOn(content, ON_FIRST_SEGMENT);
    for (const table of TABLES)
      await source.psql(
        `INSERT INTO ${table} SELECT i, md5(i::text) FROM generate_series(0, 299) i`,
      );
    sums = await sumsIn(source);
  });
  afterAll(async () => {
    await source?.drop();
    await place?.stop();
  });

  test.each(SNAPSHOTS)(
    'a backup by %s says so, and all rows are restored into any number of segments',
    async (snapshot) => {
      const root = place.newRoot();
      const config = await configFor(place, source, root, { backup: takenBy(snapshot) });
      const backup = await stowage(['backup'], { config });
      expect(failureOf(backup)).toBeUndefined();
      expect(backup.json.rows).toBe(TABLES.length * 300);
      const note = backup.stderrEvents.find(({ event }) => event === 'expanding');
      expect(note).toMatchObject({ tables: 8, segments: source.cluster.segments.length });
      for (const cluster of targets) {
        const target = databaseOn(cluster, freshName());
        const into = await configFor(place, target, root);
        const { timestamp } = backup.json;
        const flags = ['--create', '--redirect-db', target.name];
        const restore = await stowage(['restore', timestamp, ...flags], { config: into });
        expect(failureOf(restore)).toBeUndefined();
        expect(await sumsIn(target)).toEqual(sums);
        await target.drop();
      }
    },
  );

  test('doctor names a table that is not on all segments', async () => {
    const config = await configFor(place, source, place.newRoot());
    const { json } = await stowage(['doctor'], { config });
    const { checks } = json as unknown as { checks: { name: string; detail: string }[] };
    expect(checks.find(({ name }) => name === 'expansion')).toMatchObject({
      ok: true,
      remark: true,
      detail: expect.stringMatching(/^9 tables not on all 2 segments \(for example /),
    });
  });

  /** Whole rows, read by the coordinator from wherever it expects them. */
  function sumsIn(database: TestDatabase): Promise<string[]> {
    const sql = (table: string) =>
      `SELECT count(*), sum(a), md5(string_agg(b, '' ORDER BY a)) FROM ${table} WHERE a >= 0`;
    return Promise.all(TABLES.map((table) => database.psql(sql(table))));
  }
});
