import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asSource } from '../../../cli/adopt/gpcrondump/as-source.ts';
import { UnsoundSet } from '../../../cli/adopt/set-problem.ts';
import { asWritten, expectedRows, GPCRONDUMP } from '../../support/adopt/fixtures.ts';
import { copyOf, judged, problemsOf, signal } from './judged.ts';

const expected = await expectedRows();

describe('an increment', () => {
  const [NAME, FULL, FIRST, SECOND] = [
    'v43-incremental',
    '20261129014946',
    '20261129014957',
    '20261129015012',
  ] as const;
  const AT = 'master/db_dumps/20261129';

  test('that lacks a table which has changed is unsound', async () => {
    const problems = await problemsOf(join(GPCRONDUMP, NAME), FIRST);
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining("no segment's dump has Sales Dept.Order Items"),
      expect.stringContaining('no dump of the chain has the rows of Sales Dept.Order Items'),
    ]);
    const odd = await problemsOf(join(GPCRONDUMP, 'v43-odd-names'), '20261129020547');
    expect(odd[0]?.message).toContain('mix.MixedCase');
  });

  /** The fixture lacks a changed table: without its name in the lists, the rest is sound. */
  async function sound(change: (place: string) => Promise<unknown> = async () => undefined) {
    const place = await copyOf(NAME);
    for (const timestamp of [FIRST, SECOND])
      for (const list of ['dirty_list', 'table_list']) {
        const path = join(place, AT, `gp_dump_${timestamp}_${list}`);
        const text = await readFile(path, 'utf8');
        await writeFile(path, text.replace('Sales Dept.Order Items\n', ''));
      }
    await change(place);
    return judged(place, SECOND);
  }

  test('has the tables of its list, each from the newest set that has its rows', async () => {
    const set = await sound();
    expect(set.problems).toEqual([]);
    const source = await asSource(set);
    for (const [content, file] of [
      [0, 'gp_dump_0_2_'],
      [1, 'gp_dump_0_3_'],
    ] as const) {
      const own = expected(NAME, `${file}${SECOND}.gz`);
      const full = expected(NAME, `${file}${FULL}.gz`);
      const relations = source.contents[content]?.relations ?? [];
      expect(relations.map(({ schema, name }) => `${schema}.${name}`).sort()).toEqual(
        [...(set.increment?.tables ?? [])].sort(),
      );
      for (const { schema, name, rows } of relations) {
        const written = asWritten({ schema, name });
        expect([written, rows]).toEqual([written, own[written] ?? full[written]]);
      }
      // What is read is what was counted: no rows of an older set.
      const read: Record<string, number> = {};
      for await (const part of source.contents[content]?.read(signal) ?? []) {
        if ('file' in part) throw new Error(`${part.file} is no table`);
        const { schema, name, rows } = part;
        let bytes = 0;
        for await (const chunk of rows) bytes += chunk.byteLength;
        read[`${schema}.${name}`] = bytes;
      }
      for (const { schema, name, bytes } of relations)
        expect(read[`${schema}.${name}`]).toBe(bytes);
    }
  });

  test.each([
    ['its full set is missing', `gp_dump_${FULL}_increments`, 'no such file lists'],
    [
      'its dirty_list is missing',
      `gp_dump_${SECOND}_dirty_list`,
      'list of an increment is missing',
    ],
  ])('is unsound when %s', async (_, file, message) => {
    const found = await sound((place) => rm(join(place, AT, file))).catch(
      (error: unknown) => error,
    );
    expect(found).toBeInstanceOf(UnsoundSet);
    expect((found as UnsoundSet).problems.at(-1)?.message).toContain(message);
  });

  test('is unsound when a set before it is cut off', async () => {
    const found = await sound(async (place) => {
      const path = join(place, `seg0/db_dumps/20261129/gp_dump_0_2_${FULL}.gz`);
      await truncate(path, (await readFile(path)).length - 20);
    }).catch((error: unknown) => error);
    expect((found as UnsoundSet).problems).toMatchObject([
      { file: `gp_dump_0_2_${FULL}.gz`, message: expect.stringContaining('cut off') },
    ]);
  });
});
