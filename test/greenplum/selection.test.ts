import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, failureOf, stowage } from '../support/cli.ts';
import { directoryPlace, type Place } from '../support/e2e/place.ts';
import { clustersUnderTest, withoutGreenplum } from './support/cluster.ts';
import { digestsOf } from './support/compare.ts';
import {
  configFor,
  databaseOn,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';
import { SNAPSHOTS, takenBy } from './support/snapshots.ts';

/**
 * A table with two levels of partitions and several storages, a replicated table, and a sequence.
 */
const selectionSql = `
CREATE SCHEMA parts;
CREATE TABLE parts.sale (id int, at date, region text) DISTRIBUTED BY (id)
PARTITION BY RANGE (at) SUBPARTITION BY LIST (region)
SUBPARTITION TEMPLATE (SUBPARTITION eu VALUES ('eu'), DEFAULT SUBPARTITION elsewhere)
(PARTITION y24 START (date '2024-01-01') END (date '2025-01-01') WITH (appendonly=true, orientation=column),
 PARTITION y25 START (date '2025-01-01') END (date '2026-01-01'), DEFAULT PARTITION other);
INSERT INTO parts.sale SELECT i, date '2024-06-01' + i % 700, (ARRAY['eu', 'us'])[i % 2 + 1] FROM generate_series(1, 5000) i;
CREATE TABLE parts.other (id int) DISTRIBUTED BY (id);
INSERT INTO parts.other SELECT generate_series(1, 10);
CREATE SCHEMA misc;
CREATE TABLE misc.note (id serial PRIMARY KEY, t text) DISTRIBUTED BY (id);
INSERT INTO misc.note (t) SELECT 'note ' || i FROM generate_series(1, 500) i;
CREATE TABLE misc.country (id int, name text) DISTRIBUTED REPLICATED;
INSERT INTO misc.country SELECT i, 'country ' || i FROM generate_series(1, 100) i;
CREATE TABLE misc.entry (id int, t text) WITH (appendonly=true) DISTRIBUTED RANDOMLY;
INSERT INTO misc.entry SELECT i, 'log ' || i FROM generate_series(1, 300) i;
`;

const LEAVES = ['y24', 'y25', 'other'].flatMap((year) =>
  ['eu', 'elsewhere'].map((region) => `parts.sale_1_prt_${year}_2_prt_${region}`),
);
const MISC = ['misc.country', 'misc.entry', 'misc.note'];

describe.skipIf(withoutGreenplum).each(SNAPSHOTS)('with a snapshot by %s', (snapshot) => {
  let place: Place;
  let source: TestDatabase;
  let config: string;
  let timestamp: string;
  let before: ReadonlyMap<string, string>;
  /** Dropped after each test. */
  const made: TestDatabase[] = [];

  const run = (...args: string[]) => stowage(args, { config });

  beforeAll(async () => {
    place = await directoryPlace();
    const [cluster] = await clustersUnderTest();
    source = await freshDatabase(cluster, [selectionSql]);
    before = await digestsOf(source);
    config = await configFor(place, source, place.newRoot(), { backup: takenBy(snapshot) });
    const backup = await run('backup');
    expect(failureOf(backup)).toBeUndefined();
    timestamp = backup.json.timestamp;
  });
  afterEach(async () => {
    for (const database of made.splice(0)) await database.drop();
  });
  afterAll(async () => {
    await source?.drop();
    await place?.stop();
  });

  describe.each([
    { way: 'on the segments', flags: [] },
    { way: 'through the coordinator', flags: ['--resize'] },
  ])('a restore $way', ({ flags }) => {
    test('of a partition root loads its leaves of every level, and nothing else', async () => {
      const database = await restored('--include-table', 'parts.sale', ...flags);
      expect(await digestsOf(database)).toEqual(only(LEAVES));
      expect(await rowsThroughRoot(database)).toBe(await rowsThroughRoot(source));
    });

    test('of a schema leaves out the excluded table, and sequences continue after their last value', async () => {
      const database = await restored(
        '--include-schema',
        'misc',
        '--exclude-table',
        'misc.entry',
        ...flags,
      );
      expect(await digestsOf(database)).toEqual(only(['misc.country', 'misc.note']));
      expect(await database.psql(`INSERT INTO misc.note (t) VALUES ('new') RETURNING id`)).toBe(
        '501',
      );
    });

    test('with --truncate replaces the rows of the selected tables, and leaves other tables unchanged', async () => {
      const database = await restored();
      await database.psql(
        `DELETE FROM misc.entry WHERE id > 10; TRUNCATE misc.country; UPDATE misc.note SET t = 'newer'; DELETE FROM parts.sale`,
      );
      const changed = await digestsOf(database);
      const selected = ['misc.entry', 'misc.country', ...LEAVES];
      const include = ['misc.entry', 'misc.country', 'parts.sale'].flatMap((name) => [
        '--include-table',
        name,
      ]);
      const args = ['--truncate', '--redirect-db', database.name, ...include, ...flags];
      expect(failureOf(await run('restore', timestamp, ...args))).toBeUndefined();
      expect(await digestsOf(database)).toEqual(new Map([...changed, ...only(selected)]));
    });
  });

  test('a restore is refused without any change when it would overwrite data or its options contradict each other', async () => {
    const { name } = source;
    const absent = freshName();
    await isRefused(
      4,
      new RegExp(`database ${name} already exists on content .*--create needs a new one`),
      '--create',
    );
    await isRefused(4, /already exists on content .*use --truncate to empty and load it/);
    await isRefused(
      4,
      /does not exist on content .*Use --create to create it/,
      '--redirect-db',
      absent,
    );
    await isRefused(
      4,
      /misc\.nota/,
      '--create',
      '--redirect-db',
      absent,
      '--include-table',
      'misc.nota',
    );
    await isRefused(2, /use --create or --truncate, not both/, '--create', '--truncate');
    expect(await source.psql(`SELECT count(*) FROM pg_database WHERE datname = '${absent}'`)).toBe(
      '0',
    );
    expect(await digestsOf(source)).toEqual(before);
  });

  test('a restore with --truncate is refused when a selected table does not exist', async () => {
    const database = await restored('--include-table', 'misc.note');
    const args = ['--truncate', '--redirect-db', database.name, '--include-schema', 'misc'];
    await isRefused(
      4,
      /misc\.(country|entry) does not exist on content .*--truncate loads existing tables only/,
      ...args,
    );
    expect(await digestsOf(database)).toEqual(only(['misc.note']));
  });

  test('a backup holds the leaves of a selected root, without the leaves that are excluded', async () => {
    const [left = ''] = LEAVES;
    expect(await backedUp('--include-table', 'parts.sale')).toEqual(LEAVES.toSorted());
    expect(await backedUp('--include-schema', 'parts', '--exclude-table', left)).toEqual(
      ['parts.other', ...LEAVES].filter((name) => name !== left).toSorted(),
    );
    expect(await backedUp('--exclude-schema', 'parts')).toEqual(MISC);
  });

  test('a backup is refused when an --include-table matches no table', async () => {
    const typo = await run(
      'backup',
      '--include-table',
      'misc.note',
      '--include-table',
      'misc.nota',
    );
    expect(typo.json.error.message).toMatch(/misc\.nota$/);
    expect(typo.code).toBe(2);
  });

  async function restored(...args: string[]): Promise<TestDatabase> {
    const database = databaseOn(source.cluster, freshName());
    made.push(database);
    const restore = await run(
      'restore',
      timestamp,
      '--create',
      '--redirect-db',
      database.name,
      ...args,
    );
    expect(failureOf(restore)).toBeUndefined();
    return database;
  }

  async function backedUp(...args: string[]): Promise<string[]> {
    const backup: CliResult = await run('backup', ...args);
    expect(failureOf(backup)).toBeUndefined();
    const { json } = await run('show', backup.json.timestamp);
    return json.manifest.relations.map(({ schema, name }) => `${schema}.${name}`).toSorted();
  }

  async function isRefused(exit: number, message: RegExp, ...args: string[]): Promise<void> {
    const { code, json, text } = await run('restore', timestamp, ...args);
    expect(text).toMatch(message);
    expect(code).toBe(exit);
    expect(json.error?.hint ?? json.status).toBeTypeOf('string');
  }

  const only = (names: readonly string[]) => new Map(names.map((name) => [name, before.get(name)]));

  /** Queries the root, to check that the leaves are attached to it. */
  const rowsThroughRoot = (database: TestDatabase) =>
    database.psql(
      `SELECT count(*), min(at), max(at), count(DISTINCT region) FROM parts.sale WHERE at >= '2024-07-01'`,
    );
});
