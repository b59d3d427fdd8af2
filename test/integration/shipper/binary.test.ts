import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { longestRow } from '../../../database/copy/longest-row.ts';
import { checkLongValues } from '../../../database/inspect/long-values.ts';
import type { Session } from '../../../database/session/session.ts';
import { openStore } from '../../../storage/open.ts';
import { receiptsIn } from '../../support/receipts.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { load, orderOf } from './big-relation.ts';
import {
  backendsLeft,
  backupJob,
  endAll,
  holdSnapshot,
  readBySelect,
  runShipper,
} from './shipper.ts';

const ROWS = 3_000;
const LONG = { name: 'long', columns: ['i', 't'] };
const UNFIT = { name: 'unfit', columns: ['i', 'c'] };
const SMALL = ['before', 'after'].map((name) => ({ name, columns: ['i'] }));

let server: TestServer;
let held: { id: string; session: Session };
let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-binary-'));
  server = await startPostgres();
  // In COPY text the last row fails with the message of a row that is too long.
  await server.psql(`
    CREATE FUNCTION too_long(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
      IF i = ${ROWS} AND current_query() LIKE '%FORMAT text%' THEN
        RAISE EXCEPTION 'invalid memory alloc request size 1258291203'; END IF;
      RETURN i; END $$;
    CREATE VIEW long AS SELECT too_long(i) AS i, repeat(md5(i::text), 8) AS t FROM generate_series(1, ${ROWS}) i;
    CREATE VIEW unfit AS SELECT too_long(${ROWS}) AS i, 'pg_class'::regclass AS c;
    CREATE TABLE before AS SELECT i FROM generate_series(1, 10) i;
    CREATE TABLE pictures (id int, v bytea); ALTER TABLE pictures ALTER v SET STORAGE EXTERNAL;
    INSERT INTO pictures SELECT i, convert_to(repeat('x', i * 3000000), 'UTF8') FROM generate_series(1, 2) i;
    CREATE TABLE after AS SELECT i FROM generate_series(1, 20) i`);
  await server.psql('VACUUM pictures, before');
  await readBySelect(server, [LONG.name, UNFIT.name]);
  held = await holdSnapshot(server);
});
afterEach(endAll);
afterAll(async () => {
  await held?.session.close();
  await server?.stop();
  await rm(directory, { recursive: true, force: true });
});

const small = { metadata: [], frameBytes: 64 * 1024, workers: 1 };

it('a shipper reads a table in COPY BINARY when a row is too long for text, and then the others of its group', async () => {
  const [before, after] = SMALL;
  if (before === undefined || after === undefined) throw new Error('two small tables');
  const job = backupJob(server, held.id, directory, [before, LONG, after], small);
  const shipper = runShipper(job);
  expect(await shipper.exit, shipper.stderr()).toMatchObject({ code: 0 });
  const relations = shipper.reports.filter(({ type }) => type === 'relation');
  expect(relations).toMatchObject([
    { relation: 0, rows: 10 },
    { relation: 1, rows: ROWS, rowFormat: 'binary' },
    { relation: 2, rows: 20 },
  ]);
  expect(relations.map((report) => 'rowFormat' in report)).toEqual([false, true, false]);
  const extents = (await receiptsIn(directory)).flatMap((receipt) => receipt.extents);
  const rowsOf = (id: number, rowFormat: 'binary' | undefined) =>
    extents
      .filter((extent) => extent.relation === id && extent.rowFormat === rowFormat)
      .reduce((sum, { rows }) => sum + rows, 0);
  expect(rowsOf(1, 'binary')).toBe(ROWS);
  // Rows of the attempt in text are in the pack, and the fold leaves them out.
  expect(rowsOf(1, undefined)).toBeGreaterThan(0);
  expect([rowsOf(0, undefined), rowsOf(2, undefined)]).toEqual([10, 20]);
  await loadsBoth();
  const progress = shipper.reports.findLast(({ type }) => type === 'progress');
  expect(progress).toMatchObject({ rows: ROWS + 30 });
  expect(await backendsLeft(server)).toBe('');
});

/** As on Greenplum, where a relation can have text of one segment, and binary rows of another. */
async function loadsBoth(): Promise<void> {
  await server.psql('CREATE TABLE target (i int, t text)');
  const extents = (await receiptsIn(directory)).flatMap(({ object, extents }) =>
    extents
      .filter(({ relation }) => relation === 1)
      .map(({ relation: _, ...extent }) => ({ key: object.key, ...extent })),
  );
  const rows = extents.reduce((sum, extent) => sum + extent.rows, 0);
  const bytes = extents.reduce((sum, extent) => sum + extent.bytes, 0);
  const table = { id: 1, schema: 'public', name: 'target', columns: [...LONG.columns] };
  const store = await openStore({ root: pathToFileURL(directory).href });
  const order = orderOf({ ...table, rows, bytes, extents });
  expect(await load(server, order, store)).toMatchObject({
    problems: [],
    loaded: [{ name: 'target', rows }],
  });
  const loaded = await server.psql('SELECT count(*), count(DISTINCT (i, t)) FROM target');
  expect(loaded).toBe(`${rows}|${ROWS}`);
}

it('a shipper fails, naming table and column, when COPY BINARY cannot carry the values either', async () => {
  const shipper = runShipper(backupJob(server, held.id, directory, [UNFIT], small));
  expect(await shipper.exit).toMatchObject({ code: 6 });
  const failed = await shipper.reported('failed');
  expect(failed).toMatchObject({ code: 'database/row-too-long', relation: 'public.unfit' });
  expect(failed.message).toMatch(
    /^cannot read the rows of public\.unfit on content 0 .*1 GB.*column c has type regclass, whose binary form another database may not read/,
  );
});

it('doctor remarks on a table whose values are long on average, and the longest row is found', async () => {
  const megabyte = 1_000_000;
  expect(await checkLongValues(held.session, megabyte)).toMatchObject({
    ok: true,
    remark: true,
    detail: expect.stringMatching(/^public\.pictures \([45] MB per row\): /) as string,
  });
  const none = await checkLongValues(held.session);
  expect(none).toMatchObject({ ok: true, detail: 'no table has very long values on average' });
  expect(none).not.toHaveProperty('remark');
  const pictures = { schema: 'public', name: 'pictures', columns: ['id', 'v'] };
  const longest = await longestRow(held.session, pictures);
  expect(longest).toEqual({ ctid: '(0,2)', bytes: 6 * megabyte });
  const before = { schema: 'public', name: 'before', columns: ['i'] };
  expect(await longestRow(held.session, before)).toBeUndefined();
});
