import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { LoadRelation } from '../../../backup-set/documents/restore/restore.ts';
import { hex } from '../../../frame/hex.ts';
import { zstd } from '../../../frame/zstd/zstd.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { bigOrder, load, ROWS_PER_FRAME } from './big-relation.ts';

/** Together several times what is fetched ahead; each large enough that its memory is released. */
const TABLES = 40;
const ROW_BYTES = 1_000_000;
const KEY = 'data/middling.pack';
let server: TestServer;

beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

it.each([1, 4])('40 tables of a megabyte are loaded over %i connections', async (workers) => {
  const { order, store } = await bigOrder('unused');
  const stored: Buffer[] = [];
  const relations: LoadRelation[] = [];
  for (let id = 0, offset = 0; id < TABLES; id += 1) {
    const rows = Buffer.from(`${randomBytes(ROW_BYTES / 2).toString('hex')}\n`);
    const frame = await zstd.encode(rows, 1);
    const { length: bytes } = rows;
    const where = { key: KEY, offset, length: frame.length };
    const extents = [{ ...where, rows: 1, bytes, crc32: hex(crc32(frame)) }];
    relations.push({
      id,
      schema: 'public',
      name: `t${id}`,
      columns: ['t'],
      rows: 1,
      bytes,
      extents,
    });
    stored.push(frame);
    offset += frame.length;
  }
  await store.create(KEY, Buffer.concat(stored));
  const names = relations.map(({ name }) => name);
  await server.psql(
    names.map((name) => `DROP TABLE IF EXISTS ${name}; CREATE TABLE ${name} (t text);`).join(''),
  );
  const { loaded, problems } = await load(server, { ...order, relations }, store, { workers });
  expect(problems).toEqual([]);
  expect(loaded).toHaveLength(TABLES);
  const held = names
    .map((name) => `SELECT sum(length(t)) AS bytes FROM ${name}`)
    .join(' UNION ALL ');
  expect(await server.psql(`SELECT count(*), sum(bytes) FROM (${held}) AS each`)).toBe(
    `${TABLES}|${TABLES * ROW_BYTES}`,
  );
});

it('a table whose row count differs from the manifest stays empty and is named', async () => {
  const { order, relation, store } = await bigOrder('few');
  const [extent] = relation.extents;
  const few = {
    ...relation,
    extents: extent === undefined ? [] : [extent],
    bytes: extent?.bytes ?? 0,
  };
  await server.psql('CREATE TABLE few (i bigint, t text)');
  for (const rows of [ROWS_PER_FRAME - 1, ROWS_PER_FRAME + 1]) {
    const { loaded, problems } = await load(
      server,
      { ...order, relations: [{ ...few, rows }] },
      store,
    );
    expect(loaded).toEqual([]);
    expect(problems).toMatchObject([{ relation: { name: 'few' }, code: 'order-failed' }]);
    expect(problems[0]?.message).toContain('database/count');
    expect(await server.psql('SELECT count(*) FROM few')).toBe('0');
  }
});
