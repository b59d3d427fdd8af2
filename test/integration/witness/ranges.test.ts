import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idsOf } from '../../../backup-set/documents/plan.ts';
import { witnessDifference } from '../../../backup-set/witness/kinds.ts';
import { allRanges, changedRanges } from '../../../backup-set/witness/ranges.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { postgres17 } from '../../support/servers/postgres-17.ts';
import { type Observed, observe } from './observe.ts';

const binDir = await postgres17();
const DATABASE = 'ranges';
const BLOCKS = 4;
/** 20 rows fill a block, so 80 a range. */
const ROWS = 1000;

let server: TestServer;
let base: Observed;

const sql = (text: string) => server.psql(text, DATABASE);

/**
 * Observes a table again. @returns the ranges that must be read, or why all of them must; the rows
 * of these ranges and those of the base's other ranges must be the rows of the table.
 */
async function next(table: string) {
  const before = base;
  base = await observe(server, DATABASE, { base: before, rangeBlocks: BLOCKS });
  const [then, now] = [before.tables.get(table), base.tables.get(table)];
  if (typeof then !== 'object' || typeof now !== 'object') throw new Error('no witness');
  const contents = { base: { content: before.content, witness: then } };
  const reason = witnessDifference(contents.base, { content: base.content, witness: now });
  const all = allRanges(then);
  const inBase = { witness: then, ...(all && { readRanges: all }) };
  const part = reason === 'changed' ? changedRanges(inBase, now) : undefined;
  if (reason !== undefined && part === undefined) return reason;
  const read = new Set(idsOf(part ?? []));
  const [old, current] = [before.ranges.get(table) ?? [], base.ranges.get(table) ?? []];
  const rows = current
    .map((digest, range) => (read.has(range) ? digest : (old[range] ?? 0n)))
    .reduce((sum, digest) => sum + digest, 0n);
  expect(rows).toBe(current.reduce((sum, digest) => sum + digest, 0n));
  expect(`${rows}`).toBe(base.rows.get(table)?.split(' ')[1]);
  return [...read];
}

describe.runIf(binDir !== undefined)('a witness of the blocks of a table', () => {
  beforeAll(async () => {
    server = await startPostgres({
      databases: [DATABASE],
      settings: {
        ...{ wal_level: 'replica', summarize_wal: 'on', fsync: 'on', autovacuum: 'off' },
      },
      ...(binDir && { binDir }),
    });
    await sql(`
      CREATE TABLE t (id int PRIMARY KEY, word text) WITH (fillfactor = 90);
      ALTER TABLE t ALTER word SET STORAGE EXTERNAL;
      INSERT INTO t SELECT g, repeat(md5(g::text), 11) FROM generate_series(1, ${ROWS}) g;`);
    await sql('VACUUM t; ANALYZE t');
    base = await observe(server, DATABASE, { rangeBlocks: BLOCKS });
  });
  afterAll(async () => server?.stop());

  it('names no range when no row changed', async () => {
    expect(rangesOf('t')).toBeGreaterThan(10);
    expect(await next('t')).toEqual([]);
  });

  it('names the range of one changed row, and that of its new version', async () => {
    const range = async () =>
      Number(await sql(`SELECT (ctid::text::point)[0]::int / ${BLOCKS} FROM t WHERE id = 500`));
    const before = await range();
    await sql(`UPDATE t SET word = repeat('u', 350) WHERE id = 500`);
    expect(await next('t')).toEqual([...new Set([before, await range()])].sort((a, b) => a - b));
    // The same row again, pruned: HOT chains stay in their block.
    await sql(`UPDATE t SET word = 'hot' WHERE id = 500; UPDATE t SET word = 'hotter' WHERE id = 500;
      SELECT count(*) FROM t WHERE id = 500`);
    expect(await next('t')).toContain(before);
  });

  it('names ranges of rows whose new versions lie in other blocks', async () => {
    await sql(`UPDATE t SET word = repeat('w', 1500) WHERE id BETWEEN 200 AND 210`);
    const read = await next('t');
    expect(read).toContain(rangeOfLast());
    expect(read.length).toBeLessThan(8);
  });

  it('names the range of a row with another TOAST value, and every range when only TOAST changed', async () => {
    await sql(`UPDATE t SET word = repeat(md5('x'), 300) WHERE id = 700`);
    expect((await next('t')).length).toBeLessThan(5);
    await sql(`UPDATE t SET word = repeat(md5('y'), 300) WHERE id = 700`);
    expect((await next('t')).length).toBeLessThan(5);
    const toast = await sql(`SELECT reltoastrelid::regclass FROM pg_class WHERE relname = 't'`);
    await sql(`VACUUM ${toast}`);
    expect(await next('t')).toBe('changed');
  });

  it('names the ranges of new rows, and the last range of the base when it has more ranges now', async () => {
    const last = rangeOfLast();
    await sql(`INSERT INTO t SELECT g, repeat(md5(g::text), 11) FROM generate_series(2001, 2400) g;
      ANALYZE t`);
    const read = await next('t');
    expect(rangeOfLast()).toBeGreaterThan(last);
    expect(read).toContain(last);
    expect(read).toContain(rangeOfLast());
    expect(read).not.toContain(0);
  });

  it('names the ranges of a rolled back row, of a locked row and of deleted ones', async () => {
    await sql(`BEGIN; UPDATE t SET word = 'no' WHERE id = 3; ROLLBACK;
      SELECT 1 FROM t WHERE id = 300 FOR UPDATE; DELETE FROM t WHERE id BETWEEN 900 AND 905`);
    const read = await next('t');
    expect(read).toContain(0);
    expect(read.length).toBeLessThan(8);
  });

  it('names every range when VACUUM cuts off blocks, also when they were filled again', async () => {
    await sql('DELETE FROM t WHERE id > 2000');
    await next('t');
    await sql('VACUUM t');
    expect(await next('t')).toBe('changed');
    await sql(`INSERT INTO t SELECT g, repeat('z', 350) FROM generate_series(3001, 5000) g`);
    await sql('DELETE FROM t WHERE id > 3000');
    await sql('VACUUM t');
    await sql(`INSERT INTO t SELECT g, repeat('z', 350) FROM generate_series(3001, 5000) g`);
    expect(await next('t')).toBe('changed');
  });

  it('proves nothing of a table that was truncated or rewritten', async () => {
    await sql('VACUUM FULL t');
    expect(await next('t')).toBe('rewritten');
    await sql(`TRUNCATE t; INSERT INTO t SELECT g, 'again' FROM generate_series(1, 9000) g;
      ANALYZE t`);
    expect(await next('t')).toBe('rewritten');
    await sql(`BEGIN; TRUNCATE t; ROLLBACK; UPDATE t SET word = 'kept' WHERE id = 1; ANALYZE t`);
    expect(await next('t')).toEqual(expect.any(Array));
  });
});

function rangesOf(table: string): number {
  const witness = base.tables.get(table);
  if (typeof witness !== 'object') throw new Error('no witness');
  return (allRanges(witness)?.[0]?.[1] ?? -1) + 1;
}

const rangeOfLast = () => rangesOf('t') - 1;
