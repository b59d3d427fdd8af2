import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../documents/manifest.ts';
import type { RestoreRequest } from '../../documents/restore/restore.ts';
import type { ContentVolume } from '../bounds.ts';
import { shapeProblems } from './shape.ts';
import { shapeOf } from './volumes.ts';

const RELATIONS = [
  { name: 'orders', columns: ['id', 'v'], types: ['integer', 'text'] },
  { name: 'orders', columns: ['id', 'v'], types: ['bigint', 'text'] },
  { name: 'country', columns: ['code'], types: ['text'] },
  { name: 'only', columns: ['a'], types: ['text'] },
].map((relation, id) => ({ id, schema: 'public', kind: 'table', ...relation }));

const country = { schema: 'public', name: 'country', why: 'named' as const };

const manifest = (...encodings: string[]) =>
  ({
    relations: RELATIONS,
    contents: encodings.map((encoding, content) => ({ content, encoding })),
  }) as unknown as Manifest;

/** Relations of a content with their rows; each row has ten bytes. */
const volume = (content: number, rows: Readonly<Record<number, number>>): ContentVolume => ({
  ...{ content, relations: 0, rows: 0, bytes: 0, storedBytes: 0, extents: 0 },
  shape: shapeOf(
    { references: [country] },
    {
      relations: Object.entries(rows).map(([relation, count]) => ({
        relation: Number(relation),
        rows: count,
        bytes: count * 10,
      })),
    },
    new Map(RELATIONS.map((relation) => [relation.id, relation])),
  ),
});

const both: Pick<RestoreRequest, 'map'> = { map: [{ to: 0, from: [0, 1] }] };
describe('contents that go into one server', () => {
  test('may have other rows, and lack tables that the first content has', () => {
    const volumes = [volume(0, { 0: 5, 2: 9, 3: 1 }), volume(1, { 0: 8, 2: 9 })];
    expect(shapeProblems(both, manifest('UTF8', 'UTF8'), volumes)).toEqual([]);
  });

  test('are refused when one has a table that the first content lacks, also without rows', () => {
    const volumes = [volume(0, { 0: 5 }), volume(1, { 0: 5, 3: 0 })];
    expect(shapeProblems(both, manifest('UTF8', 'UTF8'), volumes)).toMatchObject([
      {
        content: 1,
        relation: { schema: 'public', name: 'only' },
        message: expect.stringMatching(
          /is on content 1, and not on content 0.*content 1 first/,
        ) as string,
      },
    ]);
  });

  test('are refused when a column has another type, and both lists are named', () => {
    const volumes = [volume(0, { 0: 5 }), volume(1, { 1: 5 })];
    const [problem] = shapeProblems(both, manifest('UTF8', 'UTF8'), volumes);
    expect(problem?.message).toContain(
      'its columns are (id integer, v text) and (id bigint, v text)',
    );
  });

  test('are refused when their encodings differ; other servers do not matter', () => {
    const volumes = [volume(0, {}), volume(1, { 3: 1 })];
    const apart = {
      map: [
        { to: 0, from: [0] },
        { to: 1, from: [1] },
      ],
    };
    expect(shapeProblems(apart, manifest('UTF8', 'LATIN1'), volumes)).toEqual([]);
    const [problem] = shapeProblems(both, manifest('UTF8', 'LATIN1'), [
      volume(0, {}),
      volume(1, {}),
    ]);
    expect(problem?.message).toContain('content 1 has encoding LATIN1');
  });
});

describe('a reference table', () => {
  test('is refused when the copy that is left out has other rows, on any server', () => {
    const request = {
      map: [
        { to: 0, from: [0] },
        { to: 1, from: [1] },
      ],
      references: [country],
    };
    const same = [volume(0, { 2: 3 }), volume(1, { 2: 3 })];
    expect(shapeProblems(request, manifest('UTF8', 'UTF8'), same)).toEqual([]);
    const other = [volume(0, { 2: 3 }), volume(1, { 2: 4 })];
    expect(shapeProblems(request, manifest('UTF8', 'UTF8'), other)).toMatchObject([
      {
        content: 1,
        message: expect.stringContaining('content 0 has 3 rows of 30 bytes') as string,
      },
    ]);
  });
});
