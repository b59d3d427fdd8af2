import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectedRows, GPCRONDUMP } from '../support/adopt/fixtures.ts';
import { stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import { misplacedRowsOf } from './support/compare.ts';
import { configFor, databaseOn, freshName, type TestDatabase } from './support/database.ts';

const clusters = withoutGreenplum ? [] : await clustersUnderTest();
/** Both kinds of names; the second has oids, a schema public and DROP statements. */
const SETS = [
  ['v5-full-gzip', '20261129021659', ['gp_dump_0_2_', 'gp_dump_1_3_']],
  ['v43-clean-oids-exclude', '20261129015112', ['gp_dump_0_2_', 'gp_dump_0_3_']],
] as const;

describe.skipIf(withoutGreenplum)('sets of gpcrondump from two segments', () => {
  let place: Place;
  let root: string;
  const made: TestDatabase[] = [];

  beforeAll(async () => {
    place = await directoryPlace();
    root = place.newRoot();
    const [first] = clusters;
    if (first === undefined) return;
    const config = await configFor(place, databaseOn(first, 'shop'), root);
    for (const [set, timestamp] of SETS) {
      const args = ['adopt', 'gpcrondump', join(GPCRONDUMP, set), '--timestamp', timestamp];
      const adopted = await stowage(args, { config });
      expect(adopted.code, adopted.text).toBe(0);
    }
  });

  afterAll(async () => {
    for (const database of made) await database.drop();
    await place?.stop();
  });

  const cases = clusters
    .filter(({ major, segments }) => major === 6 && segments.length > 1)
    .flatMap((cluster) => SETS.map((set) => ({ cluster, set, to: cluster.segments.length })));

  test.each(cases)('$set.0 restores into $to segments with every row and object', async (one) => {
    const [name, timestamp, dumps] = one.set;
    const target = databaseOn(one.cluster, freshName());
    made.push(target);
    const config = await configFor(place, target, root);
    const restored = await stowage(
      [
        ...['restore', timestamp, '--create', '--no-owner', '--no-acl'],
        ...['--redirect-db', target.name],
      ],
      { config },
    );
    expect(restored.code, restored.text).toBe(0);
    expect(restored.json.problems).toEqual([]);
    const expected = await expectedRows();
    const total: Record<string, number> = {};
    for (const dump of dumps) {
      const file = `${dump}${timestamp}.gz`;
      for (const [table, rows] of Object.entries(expected(name, file)))
        total[table] = (total[table] ?? 0) + rows;
    }
    for (const [table, rows] of Object.entries(total)) {
      if (rows === 0) continue;
      const found = await target.psql(`SELECT count(*) FROM ${table}`);
      expect(`${table} ${found.trim()}`).toBe(`${table} ${rows}`);
    }
    expect(await misplacedRowsOf(target)).toEqual([]);
    const next = await target.psql("SELECT nextval('public.order_seq')");
    expect(Number(next)).toBeGreaterThan(395);
  });
});
