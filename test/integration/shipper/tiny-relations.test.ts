import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LoadRelation, SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import { hex } from '../../../frame/hex.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { bigOrder, load } from './big-relation.ts';

const TABLES = 120;
const KEY = 'data/tiny.pack';
const ROWS = 10;
const BYTES = Buffer.from(Array.from({ length: ROWS }, (_, row) => `${row}\n`).join(''));
const names = Array.from({ length: TABLES }, (_, id) => `tiny_${id}`);
let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
});
beforeEach(() =>
  server.psql(
    names.map((name) => `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (i int);`).join(''),
  ),
);
afterAll(() => server?.stop());

/** An order for all tables; `change` returns what is different about one of them. */
async function tinyOrder(
  change: (id: number) => { rows?: number; extent?: Partial<SourceExtent> } = () => ({}),
) {
  const { order, store } = await bigOrder('unused');
  const frame = await zstd.encode(BYTES, 1);
  const relations = names.map((name, id): LoadRelation => {
    const { rows = ROWS, extent } = change(id);
    const offset = id * frame.length;
    const where = { key: KEY, offset, length: frame.length, bytes: BYTES.length };
    const extents =
      rows === 0 ? [] : [{ ...where, rows: ROWS, crc32: hex(crc32(frame)), ...extent }];
    const bytes = rows === 0 ? 0 : BYTES.length;
    return { id, schema: 'public', name, columns: ['i'], rows, bytes, extents };
  });
  await store.create(KEY, Buffer.concat(names.map(() => frame)));
  return { order: { ...order, relations }, store };
}

const rowsIn = async (...of: string[]) =>
  (await server.psql(of.map((name) => `SELECT count(*) FROM ${name};`).join(''))).split('\n');

/** Each transaction has an id of its own, which its rows keep. */
const transactions = async () => {
  const rows = names.map((name) => `SELECT xmin::text FROM ${name}`).join(' UNION ALL ');
  return Number(await server.psql(`SELECT count(DISTINCT xmin) FROM (${rows}) AS each`));
};

describe('120 tables of ten rows', () => {
  it.each([1, 4])('are loaded in few transactions over %i connections', async (workers) => {
    const { order, store } = await tinyOrder();
    const { loaded, problems } = await load(server, order, store, { workers });
    expect(problems).toEqual([]);
    expect(loaded).toHaveLength(TABLES);
    expect(await rowsIn(...names)).toEqual(names.map(() => String(ROWS)));
    expect(await transactions()).toBeLessThan(TABLES / 10);
  });

  it('are loaded except those that are damaged or have another number of rows, which are named and stay empty', async () => {
    const { order, store } = await tinyOrder((id) => ({
      ...(id === 7 && { rows: ROWS + 1 }),
      ...(id === 70 && { extent: { crc32: '00000000' } }),
      ...(id === 71 && { rows: 0 }),
    }));
    const { loaded, problems } = await load(server, order, store, { workers: 2 });
    expect(problems.map(({ relation, code }) => [relation?.name, code]).sort()).toEqual([
      ['tiny_7', 'order-failed'],
      ['tiny_70', 'digest-differs'],
    ]);
    expect(loaded).toHaveLength(TABLES - 2);
    expect(await rowsIn('tiny_7', 'tiny_70', 'tiny_71', 'tiny_6', 'tiny_119')).toEqual([
      '0',
      '0',
      '0',
      '10',
      '10',
    ]);
  });

  it('are loaded without a call of a trigger that fires always, and no row of another session is kept', async () => {
    await server.psql(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'fired'; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON tiny_3 FOR EACH ROW EXECUTE FUNCTION refuse();
      ALTER TABLE tiny_3 ENABLE ALWAYS TRIGGER refuse; INSERT INTO tiny_90 VALUES (1)`);
    const { order, store } = await tinyOrder();
    const { problems } = await load(server, order, store, { workers: 2 });
    expect(problems.map(({ relation }) => relation?.name)).toEqual(['tiny_90']);
    expect(problems[0]?.message).toContain('holds rows that this restore did not load');
    expect(await rowsIn('tiny_3', 'tiny_90', 'tiny_89')).toEqual(['10', '1', '10']);
  });
});
