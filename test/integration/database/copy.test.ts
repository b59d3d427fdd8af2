import { describe, expect, it } from 'vitest';
import { relationDigest } from '../../../cli/demo/digest.ts';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { copiedRows } from '../../support/copied-rows.ts';
import { chunks, copyServer, textOf, UTF8 } from './copy-server.ts';

const server = copyServer();
const { connect } = server;

const TABLES = [
  {
    schema: 'public',
    name: 'troublesome',
    columns: [
      'id',
      't',
      'b',
      'n',
      'f',
      'd',
      'ts',
      'iv',
      'j',
      'jb',
      'a',
      'r',
      'dom',
      'e',
      'comp',
      'u',
      'x',
      'bits',
      'net',
    ],
    rows: 9,
  },
  { schema: 'public', name: 'no columns', columns: [], rows: 3 },
  { schema: 'public', name: 'empty', columns: ['a'], rows: 0 },
  {
    schema: 'we"ird.schema',
    name: "ta\nb'le\\;--",
    columns: ['co"l', ' ', 'select', '😀'],
    rows: 2,
  },
  { schema: 'public', name: 'generated', columns: ['a', 'c'], rows: 2 },
  { schema: 'public', name: 'all generated', columns: [], rows: 2 },
];

describe('copy out, then in', () => {
  it.each(TABLES)('restores every row of $name unchanged', async ({ rows, ...relation }) => {
    const [source, target] = await Promise.all([connect('source'), connect('target', 'restore')]);
    const before = await relationDigest(source, relation);
    expect(before.rows).toBe(rows);
    const out = copyOut(source, relation, UTF8);
    await target.query('BEGIN');
    await target.query(
      `DELETE FROM ${(await target.query<{ q: string }>('SELECT format($1, $2::text, $3::text) AS q', ['%I.%I', relation.schema, relation.name]))[0]?.q}`,
    );
    expect(await copyIn(target, relation, copiedRows(out.blocks), UTF8)).toBe(rows);
    await target.query('COMMIT');
    expect(await out.rowsCounted()).toBe(rows);
    expect(await relationDigest(target, relation)).toEqual(before);
    // Both sessions are as good as new.
    expect(await source.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('ships only the rows of a condition', async () => {
    const session = await connect('source');
    const out = copyOut(
      session,
      { schema: 'public', name: 'troublesome', columns: ['id'], condition: 'id > 7 OR id = 1' },
      UTF8,
    );
    expect((await textOf(copiedRows(out.blocks))).split('\n').sort()).toEqual(['', '1', '8', '9']);
    expect(await out.rowsCounted()).toBe(3);
  });

  it("keeps the bytes of the database's encoding, whatever the session's client_encoding", async () => {
    await server.psql(
      'CREATE TABLE public."é" (t text); INSERT INTO public."é" VALUES (\'ÿé\')',
      'latin',
    );
    const session = await connect('latin', 'restore');
    const relation = { schema: 'public', name: 'é', columns: ['t'] };
    const bytes = await textOf(
      copiedRows(copyOut(session, relation, { encoding: 'LATIN1' }).blocks),
      'latin1',
    );
    expect(bytes).toBe('ÿé\n');
    expect(
      await copyIn(session, relation, chunks([Buffer.from(bytes, 'latin1')]), {
        encoding: 'LATIN1',
      }),
    ).toBe(1);
    expect(await session.query('SELECT DISTINCT t FROM public."é"')).toEqual([{ t: 'ÿé' }]);
  });

  it('copies many megabytes through little memory and counts the rows', async () => {
    const [source, target] = await Promise.all([connect('source'), connect('target', 'restore')]);
    await server.psql(
      'CREATE TABLE public.wide AS SELECT i, repeat(md5(i::text), 30) AS t FROM generate_series(1, 40000) i',
      'source',
    );
    await server.psql('CREATE TABLE public.wide (i int, t text)', 'target');
    const relation = { schema: 'public', name: 'wide', columns: ['i', 't'] };
    const out = copyOut(source, relation, UTF8);
    expect(await copyIn(target, relation, copiedRows(out.blocks), UTF8)).toBe(40_000);
    expect(await relationDigest(target, relation)).toEqual(await relationDigest(source, relation));
  });
});
