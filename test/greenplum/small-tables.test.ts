import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failureOf, startStowage, stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import { misplacedRowsOf } from './support/compare.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';

/** More than two transactions load. */
const TABLES = 120;

const smallSql = `CREATE SCHEMA small;
DO $$ BEGIN FOR i IN 1..${TABLES} LOOP
  EXECUTE format('CREATE TABLE small.t%s (id int, v text) DISTRIBUTED BY (id)', i);
  EXECUTE format('INSERT INTO small.t%s SELECT g, ''row '' || g FROM generate_series(1, %s) g', i, i % 7);
END LOOP; END $$;
CREATE FUNCTION small.first_database() RETURNS boolean LANGUAGE sql STABLE AS
  'SELECT current_database() NOT LIKE ''%rejects''';
CREATE TABLE small.picky (id int CHECK (small.first_database())) DISTRIBUTED BY (id);
INSERT INTO small.picky VALUES (1), (2), (3);`;

const IS_LOADING = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY %small%')";

describe.skipIf(withoutGreenplum)('small tables of a snapshot by barrier', () => {
  let place: Place;
  let source: TestDatabase;
  let config: string;
  let timestamp: string;
  let sums: string;

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster] = await clustersUnderTest();
    source = await freshDatabase(cluster, [smallSql]);
    sums = await sumsIn(source);
    config = await configFor(place, source, place.newRoot(), { restore: {} });
    const backup = await stowage(['backup'], { config });
    expect(failureOf(backup)).toBeUndefined();
    timestamp = backup.json.timestamp;
  });
  afterAll(async () => {
    await source?.drop();
    await place?.stop();
  });

  test('are loaded through the coordinator, to the segments where they belong', async () => {
    const database = databaseOn(source.cluster, freshName());
    const restore = await into(database, '--create');
    expect(failureOf(restore)).toBeUndefined();
    expect(await sumsIn(database)).toBe(sums);
    expect(await misplacedRowsOf(database)).toEqual([]);
    const again = await into(database, '--truncate');
    expect(failureOf(again)).toBeUndefined();
    expect(await sumsIn(database)).toBe(sums);
    await database.drop();
  });

  test('are loaded without a table of their transaction that the server rejects', async () => {
    const database = databaseOn(source.cluster, `${freshName()}_rejects`);
    const { code, json } = await into(database, '--create', '--on-error', 'continue');
    expect(code).toBe(3);
    expect([json.status, json.problems]).toEqual(['restored', []]);
    const named = json.leftOut.flatMap(({ relation }) => relation?.name ?? []);
    expect(new Set(named)).toEqual(new Set(['picky']));
    expect(await sumsIn(database)).toBe(sums);
    expect(await database.psql('SELECT count(*) FROM small.picky')).toBe('0');
    await database.drop();
  });

  test('are all there when their restore is resumed after kill -9 between two transactions', async () => {
    const database = databaseOn(source.cluster, freshName());
    const args = ['restore', timestamp, '--create', '--redirect-db', database.name];
    const run = startStowage(args, { config });
    const { id } = await run.waitForEvent('request');
    let hasEnded = false;
    void run.ended.then(() => {
      hasEnded = true;
    });
    // The database does not exist at first.
    while (!hasEnded && (await database.psql(IS_LOADING).catch(() => 'f')) === 'f');
    run.kill('SIGKILL');
    expect((await run.ended).code).toBeNull();
    const resumed = await stowage(['restore', '--resume', String(id)], { config });
    expect(failureOf(resumed)).toBeUndefined();
    expect(await sumsIn(database)).toBe(sums);
    await database.drop();
  });

  const into = (database: TestDatabase, ...flags: string[]) =>
    stowage(['restore', timestamp, '--redirect-db', database.name, ...flags], { config });
});

/** Rows and their sum over all tables. */
function sumsIn(database: TestDatabase): Promise<string> {
  const tables = Array.from({ length: TABLES }, (_, at) => `SELECT id, v FROM small.t${at + 1}`);
  return database.psql(
    `SELECT count(*), sum(id), md5(string_agg(id || v, ',' ORDER BY id, v)) FROM (${tables.join(' UNION ALL ')}) x`,
  );
}
