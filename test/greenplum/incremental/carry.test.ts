import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, stowage } from '../../support/cli.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { clustersUnderTest, withoutGreenplum } from '../support/cluster.ts';
import { digestsOf } from '../support/compare.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from '../support/database.ts';
import { type Snapshot, takenBy } from '../support/snapshots.ts';

const ROWS = 40_000;
const row = `g AS id, md5(g::text) AS word, g % 10 AS part`;
const TABLES_SQL = `
CREATE TABLE heap AS SELECT ${row} FROM generate_series(1, ${ROWS}) g DISTRIBUTED BY (id);
CREATE TABLE ao_row WITH (appendonly=true) AS SELECT * FROM heap DISTRIBUTED BY (id);
CREATE TABLE ao_column WITH (appendonly=true, orientation=column) AS SELECT * FROM heap
  DISTRIBUTED BY (id);
CREATE TABLE everywhere AS SELECT * FROM heap WHERE id < 10000 DISTRIBUTED REPLICATED;
CREATE TABLE leaves (id int, word text, part int) DISTRIBUTED BY (id)
  PARTITION BY RANGE (part) (START (0) END (10) EVERY (5));
INSERT INTO leaves SELECT * FROM heap;
CREATE TABLE small AS SELECT * FROM heap WHERE id < 500 DISTRIBUTED BY (id);
CREATE TABLE unchanged AS SELECT * FROM heap DISTRIBUTED BY (id);
`;
/** One row of each table but `unchanged`. It was in the middle, and is at the end now. */
const changeSql = (id: number) =>
  ['heap', 'ao_row', 'ao_column', 'everywhere', 'leaves', 'small']
    .map((table) => `UPDATE ${table} SET word = 'new' WHERE id = ${id};`)
    .join('\n');

describe.skipIf(withoutGreenplum)('a second backup after a row of each table has changed', () => {
  let place: Place;
  let source: TestDatabase;
  const made: TestDatabase[] = [];
  let changed = 0;

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster] = await clustersUnderTest();
    source = await freshDatabase(cluster, [TABLES_SQL]);
    made.push(source);
  });
  afterAll(async () => {
    for (const database of made) await database.drop();
    await place?.stop();
  });

  /** Backs up, changes rows, backs up again, and restores the second set. */
  async function twice(root: string, first: Snapshot, second: Snapshot) {
    const by = (snapshot: Snapshot) =>
      configFor(place, source, root, { backup: { frameBytes: 65_536, ...takenBy(snapshot) } });
    const base = await stowage(['backup'], { config: await by(first) });
    expect(failureOf(base)).toBeUndefined();
    changed += 1;
    await source.psql(changeSql(200 + changed));
    const config = await by(second);
    const backup = await stowage(['backup'], { config });
    expect(failureOf(backup)).toBeUndefined();
    expect(backup.json).toMatchObject({ status: 'complete', base: base.json.timestamp });
    const again = databaseOn(source.cluster, freshName());
    made.push(again);
    const args = ['--create', '--redirect-db', again.name];
    const restore = await stowage(['restore', backup.json.timestamp, ...args], { config });
    expect(failureOf(restore)).toBeUndefined();
    expect(await digestsOf(again)).toEqual(await digestsOf(source));
    const { manifest } = (await stowage(['show', backup.json.timestamp], { config })).json;
    return { carried: backup.json.carriedBytes / manifest.totals.bytes, manifest };
  }

  test.each<[Snapshot, Snapshot, number]>([
    ['barrier', 'barrier', 0.8],
    ['dispatch to programs', 'dispatch to programs', 0.8],
    ['barrier', 'dispatch to programs', 0.8],
  ])(
    'with snapshots by %s and by %s it stores only the frames around changed rows',
    async (first, second, least) => {
      const { carried, manifest } = await twice(place.newRoot(), first, second);
      expect(carried).toBeGreaterThan(least);
      expect(manifest.needs).toHaveLength(1);
    },
  );

  test('through the coordinator it stores the changed tables, and not the others', async () => {
    const way = 'dispatch through the coordinator';
    const { carried, manifest } = await twice(place.newRoot(), way, way);
    expect(carried).toBeGreaterThan(0.1);
    expect(manifest.needs).toHaveLength(1);
  });
});
