import { expect, test } from 'vitest';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { Relation } from '../../../backup-set/documents/plan.ts';
import { documentsOf } from '../../../backup-set/testing/builders.ts';
import { fold } from '../../../backup-set/testing/fold-whole.ts';
import { place, plan, sound, tables } from '../../../backup-set/testing/small-set.ts';
import { withBase } from './plan-base.ts';

const folded = fold(documentsOf(sound));
if (folded.status !== 'complete') throw new Error('the small set is not complete');
const { manifest } = folded;
const chosen = (change: Partial<Manifest> = {}) => ({
  manifest: { ...manifest, ...change },
  manifestSha256: '1'.repeat(64),
});
const named = (name: string, id: number, columns: string[] = []): Relation => ({
  ...{ schema: 'public', name, id, kind: 'table', columns },
});

test('a plan pins the parts of its base, and finds its relations there by name', () => {
  const body = withBase({ ...plan, relations: [named('new', 0), named('a', 1)] }, chosen());
  expect(body.base).toEqual({ timestamp: manifest.timestamp, manifestSha256: '1'.repeat(64) });
  expect(body.features).toEqual(['carried']);
  expect(body.relations.map(({ baseRelation }) => baseRelation)).toEqual([undefined, 0]);
  expect(body.contents.map(({ base }) => base)).toEqual(manifest.contents.map(({ part }) => part));
});

test('of several relations of a name, the one with the same columns is meant', () => {
  const [first] = manifest.relations;
  if (first === undefined) throw new Error('no relation');
  const relations = [
    { ...first, id: 0, columns: ['x'] },
    { ...first, id: 1, columns: ['y'] },
  ];
  const body = withBase(
    { ...plan, relations: [named('a', 0, ['y']), named('a', 1, ['z'])] },
    chosen({ relations }),
  );
  expect(body.relations.map(({ baseRelation }) => baseRelation)).toEqual([1, undefined]);
});

test('of several relations of a name and columns, the one with the same types is meant', () => {
  const typed = (id: number, type: string) => ({ ...named('a', id, ['x']), types: [type] });
  const totals = { extents: 0, rows: 0, bytes: 0, storedBytes: 0, contents: 0 };
  const relations = [typed(0, 'integer'), typed(1, 'bigint')].map((one) => ({ ...one, totals }));
  const now = [typed(0, 'integer'), typed(1, 'bigint'), typed(2, 'text')];
  const body = withBase({ ...plan, relations: now }, chosen({ relations }));
  expect(body.relations.map(({ baseRelation }) => baseRelation)).toEqual([0, 1, 0]);
});

test('a set of another number of contents has no base', () => {
  const body = { ...plan, contents: [place, { ...place, content: 1 }] };
  expect(withBase(body, chosen())).toBe(body);
  expect(withBase(plan, chosen()).relations).toHaveLength(tables.length);
});
