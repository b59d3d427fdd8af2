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

/** The other files of this suite rely on this fixture and on its comparison of databases. */
describe.skipIf(withoutGreenplum)('the Greenplum fixture', () => {
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

  test('is restored completely by Greenplum’s own pg_dump and psql', async () => {
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

  test('lists roles, resource queues and resource groups with all their settings', async () => {
    const globals = await globalsOf(cluster, prefix);
    expect(globals).toContain(`memory_limit='64MB'`);
    expect(globals).toContain('DENY BETWEEN DAY 0');
    expect(globals).toContain(`CREATE RESOURCE GROUP ${prefix}resources`);
    expect(globals).not.toContain('pg_default ACTIVE');
  });

  test.each([
    [
      'a changed value in a heap table',
      'kinds.heap',
      `UPDATE kinds.heap SET t = t || ' ' WHERE id = 7`,
    ],
    [
      'a NULL that replaced a text',
      'texts.ao_row',
      `UPDATE texts.ao_row SET t = NULL WHERE t = E'\\n'`,
    ],
    [
      'an additional row in a leaf',
      'parts.by_list_1_prt_others',
      `INSERT INTO parts.by_list VALUES (1, 'b', NULL)`,
    ],
    [
      'a changed value in a table with a unique constraint',
      'rules.uniquely',
      `UPDATE rules.uniquely SET c = 2 WHERE a = 1`,
    ],
  ])('has a comparison that finds %s', async (_, table, sql) => {
    const before = await digestsOf(source);
    await copy.psql(sql);
    const after = await digestsOf(copy);
    const different = [...before.keys()].filter((name) => before.get(name) !== after.get(name));
    expect(different).toContain(table);
  });

  test('has a comparison that finds a changed sequence and a changed definition', async () => {
    await copy.psql(`SELECT nextval('seqs.plain'); ALTER TABLE kinds.heap ALTER t SET NOT NULL;`);
    const [before, after] = [await sequencesOf(source), await sequencesOf(copy)];
    expect([before.get('seqs.plain'), after.get('seqs.plain')]).toEqual(['1 f', '1 t']);
    expect(await schemaOf(copy)).not.toBe(await schemaOf(source));
  });

  test('has a check that finds rows on the wrong segment in heap tables, AO tables and leaves, for every type of key', async ({
    skip,
  }) => {
    if (cluster.segments.length < 2) skip('the cluster has only one segment');
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

  test('has a check that finds a replicated table with unequal copies', async ({ skip }) => {
    if (cluster.segments.length < 2) skip('the cluster has only one segment');
    await copy.psqlOn(1, 'DELETE FROM kinds.heap_replicated WHERE id = 1');
    expect(await unequalCopiesOf(copy)).toMatchObject([
      expect.stringContaining('kinds.heap_replicated | 1000'),
    ]);
  });

  test('has big tables of the requested size', async () => {
    await source.psql(bigSql(4));
    for (const table of ['big.heap', 'big.ao']) {
      const bytes = (await source.psql(`COPY ${table} TO STDOUT`)).length;
      expect(bytes).toBeGreaterThan(1_900_000);
      expect(bytes).toBeLessThan(2_100_000);
    }
  });

  test('has a configuration that the command line accepts', async () => {
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

  test('has writers that move money without changing its sum', async () => {
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
      'a changed balance',
      'UPDATE bank.account SET balance = balance + 1 WHERE id = 5',
      { money: UNTORN.money + 1 },
    ],
    [
      'an additional row in the AO ledger',
      'INSERT INTO bank.ledger_row VALUES (7, 3)',
      { rowLedger: 3 },
    ],
  ])('has a bank that shows half a transfer as torn: %s', async (_, sql, totals) => {
    await source.psql(sql);
    const torn = await bankTotals(source);
    expect(torn).toMatchObject(totals);
    expect(torn.brokenAccounts).toBeGreaterThan(0);
  });
});

/**
 * Copies a database by pg_dump and psql. Some leaves are copied by COPY, because pg_dump cannot: on
 * 6 it rejects a table with an external leaf, and on the pre-release of 7 it writes the rows of a
 * leaf again for each level above it.
 */
async function copyByDump(source: TestDatabase, copy: TestDatabase): Promise<void> {
  const byCopy = source.cluster.major >= 7 ? 'parts.' : 'parts.archived';
  const target = targetOf(source.cluster, source.name);
  await copy.psql(await runTool(target, 'pg_dump', [`--exclude-table-data=${byCopy}*`]));
  for (const leaf of (await digestsOf(source)).keys()) {
    if (!leaf.startsWith(byCopy)) continue;
    const rows = await source.psql(`COPY (SELECT * FROM ONLY ${leaf}) TO STDOUT`);
    if (rows !== '') await copy.psql(`COPY ${leaf} FROM STDIN;\n${rows}\n\\.\n`);
  }
}
