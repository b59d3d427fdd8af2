import { describe, expect, test } from 'vitest';
import { PROBLEMS_MAX } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import type { Plan, Relation } from '../documents/plan.ts';
import type { Extent, ObjectReceipt } from '../documents/receipt.ts';
import { documentsOf, receiptDocument, sealOf, TIMESTAMP } from '../testing/builders.ts';
import { type WholeFolded as Folded, fold } from '../testing/fold-whole.ts';
import {
  extent,
  pack,
  parts,
  place,
  plan,
  sealedRelation,
  sound,
  tables,
} from '../testing/small-set.ts';

function codesOf(folded: Folded) {
  return folded.status === 'complete' ? [] : folded.problems.map(({ code }) => code);
}

test('the set that these tests change is complete', () => {
  expect(fold(documentsOf(sound)).status).toBe('complete');
});

describe('nothing is counted twice', () => {
  test('a receipt that is sealed twice does not replace a missing one', () => {
    const once = pack(1, [extent(0, 0), extent(1, 5)]);
    const folded = fold(
      documentsOf(parts([once, once], [sealedRelation(0, 20), sealedRelation(1, 20)])),
    );
    expect(folded.status).toBe('damaged');
    expect(codesOf(folded)).toEqual(['documents-disagree']);
  });

  test('two counts for one relation are a contradiction in any order', () => {
    for (const counts of [
      [sealedRelation(0, 10), sealedRelation(0, 99), sealedRelation(1, 10)],
      [sealedRelation(0, 99), sealedRelation(0, 10), sealedRelation(1, 10)],
    ]) {
      expect(fold(documentsOf({ ...sound, counts: new Map([[0, counts]]) })).status).toBe(
        'damaged',
      );
    }
  });

  test('two metadata receipts for one file are a contradiction', () => {
    const object = { key: '', bytes: 9, crc32: '00000000' };
    const file = 'schema.dump';
    const metadata = (attempt: number): ObjectReceipt => {
      const { extents: _, ...shipped } = pack(1, [], { attempt, worker: 0 });
      const key = formatKey({ kind: 'metadata', timestamp: TIMESTAMP, content: 0, attempt, file });
      return { ...shipped, kind: 'metadata', file, object: { ...object, key } };
    };
    const withSchema = { ...plan, contents: [{ ...place, metadata: [file] }] } satisfies Plan;
    const set = (files: ObjectReceipt[]) => ({
      ...sound,
      plan: withSchema,
      sealed: [...sound.sealed, ...files],
    });
    expect(fold(documentsOf(set([metadata(1)]))).status).toBe('complete');
    expect(fold(documentsOf(set([metadata(1), metadata(2)]))).status).toBe('damaged');
    expect(fold(documentsOf(set([]))).status).toBe('incomplete');
    expect(fold(documentsOf({ ...set([metadata(1)]), plan })).status).toBe('damaged');
  });

  test('two relations with one name may be in two contents, but not in one', () => {
    const same = tables.map((table) => ({ ...table, name: 'a' }));
    expect(fold(documentsOf({ ...sound, plan: { ...plan, relations: same } })).status).toBe(
      'damaged',
    );
    const contents: Plan['contents'] = [
      { ...place, relations: [[0, 0]] },
      { ...place, content: 1, relations: [[1, 1]] },
    ];
    const counts = new Map([
      [0, [sealedRelation(0, 0)]],
      [1, [sealedRelation(1, 0)]],
    ]);
    const apart = parts([], [], { plan: { ...plan, relations: same, contents }, counts });
    expect(fold(documentsOf(apart)).status).toBe('complete');
  });
});

describe('the extents of a pack', () => {
  const broken: Record<string, Extent[]> = {
    'they overlap': [extent(0, 0), extent(1, 4)],
    'they leave a gap': [extent(0, 0), extent(1, 6)],
    'they are out of order': [extent(0, 5), extent(1, 0)],
    'the first one does not begin at 0': [extent(0, 1), extent(1, 6)],
    'their lengths exceed 2^53': [extent(0, 0, { length: Number.MAX_SAFE_INTEGER }), extent(1, 5)],
  };
  test.each(Object.entries(broken))('make the set damaged when %s', (_, extents) => {
    const folded = fold(documentsOf({ ...sound, sealed: [pack(1, extents)] }));
    expect(folded.status).toBe('damaged');
    expect(codesOf(folded)).toContain('pack-not-tiled');
  });

  test.each([9, 11])('make the set damaged when the object has %i bytes instead of 10', (bytes) => {
    const [whole] = sound.sealed;
    if (whole === undefined) throw new Error('no pack');
    const folded = fold(
      documentsOf({ ...sound, sealed: [{ ...whole, object: { ...whole.object, bytes } }] }),
    );
    expect(codesOf(folded)).toContain('pack-not-tiled');
  });

  test('make the set damaged when the plan assigns their relation to another content', () => {
    const unplanned = pack(1, [extent(0, 0), extent(1, 5), extent(7, 10)]);
    const folded = fold(documentsOf({ ...sound, sealed: [unplanned] }));
    expect(folded.status).toBe('damaged');
    if (folded.status === 'damaged')
      expect(folded.problems).toEqual([
        expect.objectContaining({
          code: 'documents-disagree',
          content: 0,
          object: unplanned.object.key,
          offset: 10,
        }),
      ]);
  });

  test('do not count when the receipt names the pack of another receipt', () => {
    const foreign = pack(1, [extent(0, 0), extent(1, 5)], { object: pack(2, []).object });
    const folded = fold(documentsOf({ ...sound, sealed: [foreign] }));
    expect(folded.status).toBe('damaged');
    expect(codesOf(folded)).toContain('documents-disagree');
  });

  test('do not count when the receipt has the fields of another one, even if it is sealed', () => {
    const lying = { ...pack(1, [extent(0, 0), extent(1, 5)]), sequence: 2 };
    const documents = documentsOf({ ...sound, sealed: [lying] });
    const key = formatKey({
      kind: 'receipt',
      timestamp: TIMESTAMP,
      content: 0,
      attempt: 1,
      worker: 1,
      sequence: 1,
    });
    const seal = sealOf({ ...sound, sealed: [lying] });
    const contents = seal.contents.map((content) => ({
      ...content,
      receipts: content.receipts.map((entry) => ({ ...entry, sequence: 1 })),
    }));
    const receipts = documents.receipts.map(({ bytes }) => ({ key, bytes }));
    const folded = fold(documentsOf(sound, { receipts, seal: { ...seal, contents } }));
    expect(codesOf(folded)).toContain('documents-disagree');
  });
});

describe('attempts are kept apart', () => {
  const first = pack(1, [extent(0, 0)]);
  const second = pack(1, [extent(0, 0), extent(1, 5)], { attempt: 2 });

  test('half of a relation from each of two attempts makes the set incomplete', () => {
    const set = parts(
      [first, second],
      [sealedRelation(0, 20), sealedRelation(1, 10, { attempt: 2 })],
    );
    const folded = fold(documentsOf(set));
    expect(folded.status).toBe('incomplete');
    expect(codesOf(folded)).toEqual(['relation-incomplete']);
  });

  test('of two attempts with all rows, only the sealed one is in the manifest', () => {
    const folded = fold(
      documentsOf(
        parts(
          [first, second],
          [sealedRelation(0, 10, { attempt: 2 }), sealedRelation(1, 10, { attempt: 2 })],
        ),
      ),
    );
    if (folded.status !== 'complete') throw new Error(folded.status);
    expect(folded.parts.flatMap(({ packs }) => packs.map(({ key }) => key))).toEqual([
      second.object.key,
    ]);
  });

  test('a problem about missing rows does not name a lost pack of another attempt', () => {
    const set = parts(
      [first, second],
      [sealedRelation(0, 11, { attempt: 2 }), sealedRelation(1, 10, { attempt: 2 })],
    );
    const documents = documentsOf(set, { receipts: [receiptDocument(second)] });
    const folded = fold(documents);
    if (folded.status !== 'incomplete') throw new Error(folded.status);
    const short = folded.problems.find(({ code }) => code === 'relation-incomplete');
    expect(short).toMatchObject({ relation: { schema: 'public', name: 'a' } });
    expect(short).not.toHaveProperty('object');
  });
});

test('a problem about missing rows does not name a lost metadata receipt', () => {
  const { extents: _, ...shipped } = pack(1, [], { worker: 0 });
  const file = 'schema.dump';
  const key = formatKey({ kind: 'metadata', timestamp: TIMESTAMP, content: 0, attempt: 1, file });
  const metadata: ObjectReceipt = {
    ...shipped,
    kind: 'metadata',
    file,
    object: { key, bytes: 9, crc32: '00000000' },
  };
  const contents = [{ ...place, metadata: [file] }] satisfies Plan['contents'];
  const set = { ...sound, plan: { ...plan, contents }, sealed: [metadata, ...sound.sealed] };
  const lostBoth = fold(documentsOf(set, { receipts: [] }));
  if (lostBoth.status !== 'incomplete') throw new Error(lostBoth.status);
  const [lost] = sound.sealed.map((receipt) => receiptDocument(receipt).key);
  const short = lostBoth.problems.filter(({ code }) => code === 'relation-incomplete');
  expect(short.map(({ object }) => object)).toEqual([lost, lost]);
});

describe('a set of any size', () => {
  test('is damaged, without a crash, when its totals exceed 2^53', () => {
    const rows = Number.MAX_SAFE_INTEGER;
    const huge = { rows, bytes: rows };
    const set = parts(
      [pack(1, [extent(0, 0, huge), extent(1, 5, huge)])],
      [sealedRelation(0, 0, huge), sealedRelation(1, 0, huge)],
    );
    const folded = fold(documentsOf(set));
    expect(folded.status).toBe('damaged');
  });

  test('is incomplete, without a stack overflow, when 150,000 relations are missing', () => {
    const relations = Array.from(
      { length: 150_000 },
      (_, id): Relation => ({
        schema: 's',
        name: `t${id}`,
        id,
        kind: 'table',
        columns: [],
      }),
    );
    const contents: Plan['contents'] = [{ ...place, relations: [[0, relations.length - 1]] }];
    const folded = fold(documentsOf(parts([], [], { plan: { ...plan, relations, contents } })));
    expect(folded.status).toBe('incomplete');
    if (folded.status !== 'incomplete') return;
    expect(folded.problems).toHaveLength(PROBLEMS_MAX);
    expect(folded.problemsTotal).toBe(relations.length);
  });
});
