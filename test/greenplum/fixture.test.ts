import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stowage } from '../support/cli.ts';
import { directoryPlace } from '../support/e2e/place.ts';
import { bigSql, globalsSql, objectsSql } from './objects/objects.ts';
import { bankSql, bankTotals, startBankWriters, UNTORN } from './support/bank.ts';
import {
  clustersUnderTest,
  type GreenplumCluster,
  psql,
  runTool,
  targetOf,
  withoutGreenplum,
} from './support/cluster.ts';
import {
  databaseContents,
  digestsOf,
  globalsOf,
  misplacedRowsOf,
  schemaOf,
  sequencesOf,
  unequalCopiesOf,
} from './support/compare.ts';
import {
  configFor,
  dropGlobals,
  freshDatabase,
  freshName,
  type TestDatabase,
} from './support/database.ts';

/** What the other files of this suite stand on: a fixture that can be copied, and a comparison that finds what is wrong. */
describe.skipIf(withoutGreenplum)('the fixture', () => {
  const prefix = `${freshName()}_`;
  let cluster: GreenplumCluster;
  let source: TestDatabase;
  let copy: TestDatabase;

  beforeAll(async () => {
    [cluster] = await clustersUnderTest();
    await psql(targetOf(cluster), globalsSql(prefix));
    source = await freshDatabase(cluster, [
      ...objectsSql({ major: cluster.major, rolePrefix: prefix }),
      bankSql,
    ]);
    copy = await freshDatabase(cluster);
  });
  afterAll(async () => {
    await source?.drop();
    await copy?.drop();
    if (cluster !== undefined) await dropGlobals(cluster, prefix);
  });

  test('Greenplum’s own pg_dump and psql bring back the whole of it', async () => {
    await copyByDump(source, copy);
    const [before, after] = [await databaseContents(source), await databaseContents(copy)];
    expect(before.rows.size).toBeGreaterThan(200);
    expect(before.sequences.size).toBeGreaterThan(7);
    expect(after).toEqual(before);
    for (const database of [source, copy]) {
      expect(await misplacedRowsOf(database)).toEqual([]);
      expect(await unequalCopiesOf(database)).toEqual([]);
    }
  });

  test('roles, queues and groups are seen with all their settings', async () => {
    const globals = await globalsOf(cluster, prefix);
    expect(globals).toContain(`memory_limit='64MB'`);
    expect(globals).toContain('DENY BETWEEN DAY 0');
    expect(globals).toContain(`CREATE RESOURCE GROUP ${prefix}resources`);
    expect(globals).not.toContain('pg_default ACTIVE');
  });

  test.each([
    ['a changed value in a heap', 'kinds.heap', `UPDATE kinds.heap SET t = t || ' ' WHERE id = 7`],
    [
      'NULL in place of an empty text',
      'texts.ao_row',
      `UPDATE texts.ao_row SET t = NULL WHERE t = E'\\n'`,
    ],
    [
      'a row more in a leaf',
      'parts.by_list_1_prt_others',
      `INSERT INTO parts.by_list VALUES (1, 'b', NULL)`,
    ],
    [
      'a row that came twice for another',
      'rules.uniquely',
      `UPDATE rules.uniquely SET c = 2 WHERE a = 1`,
    ],
  ])('a comparison finds %s', async (_, table, sql) => {
    const before = await digestsOf(source);
    await copy.psql(sql);
    const after = await digestsOf(copy);
    const different = [...before.keys()].filter((name) => before.get(name) !== after.get(name));
    expect(different).toContain(table);
  });

  test('a comparison finds another value of a sequence, and another definition', async () => {
    await copy.psql(`SELECT nextval('seqs.plain'); ALTER TABLE kinds.heap ALTER t SET NOT NULL;`);
    const [before, after] = [await sequencesOf(source), await sequencesOf(copy)];
    expect([before.get('seqs.plain'), after.get('seqs.plain')]).toEqual(['1 f', '1 t']);
    expect(await schemaOf(copy)).not.toBe(await schemaOf(source));
  });

  test('rows on the wrong segment are found: heap, AO, leaf, every type of key, NULL', async ({
    skip,
  }) => {
    if (cluster.segments.length < 2) skip('one segment holds all');
    const keys = ['heap', 'heap_opclass', 'ao_row_zstd', 'ao_column_zlib', 'ao_skewed'].map(
      (t) => `kinds.${t}`,
    );
    const tables = [
      ...keys,
      'parts.aged_1_prt_older',
      'types.keys',
      'types.made',
      'types.arrays',
      'texts.ao_row',
    ];
    for (const table of tables) {
      const data = await source.psqlOn(0, `COPY ${table} TO STDOUT`);
      await copy.psqlOn(1, `COPY ${table} FROM STDIN;\n${data}\n\\.\n`);
    }
    const found = await misplacedRowsOf(copy);
    expect(found.map((line) => line.split('\u001f')[0]).sort()).toEqual(tables.toSorted());
    for (const line of found) expect(line).toMatch(/\|1\|0\|\d+$/);
  });

  test('a replicated table that is not the same on all segments is found', async ({ skip }) => {
    if (cluster.segments.length < 2) skip('one segment holds all');
    await copy.psqlOn(1, 'DELETE FROM kinds.heap_replicated WHERE id = 1');
    expect(await unequalCopiesOf(copy)).toMatchObject([
      expect.stringContaining('kinds.heap_replicated | 1000'),
    ]);
  });

  test('the big tables are as big as they say', async () => {
    await source.psql(bigSql(4));
    for (const table of ['big.heap', 'big.ao']) {
      const bytes = (await source.psql(`COPY ${table} TO STDOUT`)).length;
      expect(bytes).toBeGreaterThan(1_900_000);
      expect(bytes).toBeLessThan(2_100_000);
    }
  });

  test('the command line takes the configuration that is written for a test', async () => {
    const place = await directoryPlace();
    try {
      const { code, json } = await stowage(['config'], {
        config: await configFor(place, source, place.newRoot()),
      });
      expect(code).toBe(0);
      const value = (name: string) => json.fields.find(({ field }) => field === name)?.value;
      expect([value('flavour'), value('database')]).toEqual(['greenplum', source.name]);
      expect([value('coordinator.host'), value('coordinator.port')]).toEqual([
        cluster.host,
        cluster.port,
      ]);
    } finally {
      await place.stop();
    }
  });

  test('writers move money, and neither make nor lose any', async () => {
    const writers = await startBankWriters(source);
    await sleep(2_000);
    const during = await bankTotals(source);
    const { transfers, longestMs, medianMs } = await writers.stop();
    expect(during).toMatchObject(UNTORN);
    expect(during.legs).toBeGreaterThan(10);
    expect(transfers).toBeGreaterThan(10);
    expect(longestMs).toBeGreaterThanOrEqual(medianMs);
    expect(await bankTotals(source)).toEqual({ ...UNTORN, legs: 2 * transfers });
  });

  test.each([
    [
      'account',
      'UPDATE bank.account SET balance = balance + 1 WHERE id = 5',
      { money: UNTORN.money + 1 },
    ],
    ['AO rows', 'INSERT INTO bank.ledger_row VALUES (7, 3)', { rowLedger: 3 }],
  ])('half a transfer is seen: %s', async (_, sql, seen) => {
    await source.psql(sql);
    const torn = await bankTotals(source);
    expect(torn).toMatchObject(seen);
    expect(torn.brokenAccounts).toBeGreaterThan(0);
  });
});

/**
 * Schema and rows as a user would, but for what pg_dump cannot: on 6 it refuses a table with a leaf that is external, and
 * that of the 7 pre-release writes the rows of a leaf once for each level above it too.
 */
async function copyByDump(source: TestDatabase, copy: TestDatabase): Promise<void> {
  const byHand = source.cluster.major >= 7 ? 'parts.' : 'parts.archived';
  const target = targetOf(source.cluster, source.name);
  await copy.psql(await runTool(target, 'pg_dump', [`--exclude-table-data=${byHand}*`]));
  for (const leaf of (await digestsOf(source)).keys()) {
    if (!leaf.startsWith(byHand)) continue;
    const rows = await source.psql(`COPY (SELECT * FROM ONLY ${leaf}) TO STDOUT`);
    if (rows !== '') await copy.psql(`COPY ${leaf} FROM STDIN;\n${rows}\n\\.\n`);
  }
}
