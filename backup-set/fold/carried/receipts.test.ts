import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../base/document.ts';
import { formatKey, parseKey } from '../../base/keys.ts';
import type { ManifestPart } from '../../documents/manifest.ts';
import type { Plan } from '../../documents/plan.ts';
import type { CarriedExtent } from '../../documents/receipt.ts';
import { consistentSet } from '../../testing/arbitraries.ts';
import { documentsOf, type SetParts, TIMESTAMP } from '../../testing/builders.ts';
import { baseDocument, carried, emptyPart, halfOld, OLD } from '../../testing/carried-set.ts';
import { fold } from '../../testing/fold-whole.ts';
import {
  extent,
  pack,
  parts,
  place,
  plan,
  sealedRelation,
  tables,
} from '../../testing/small-set.ts';

const digest = (letter: string) => letter.repeat(32);

/** The base has relation 5 (`a` of the set) in two extents, and relation 6 (`b`) in one. */
const oldPack = (sequence: number) =>
  formatKey({ kind: 'pack', timestamp: OLD, content: 0, attempt: 1, worker: 1, sequence });
const basePart: ManifestPart = {
  ...emptyPart,
  packs: [
    {
      ...{ key: oldPack(1), bytes: 10, crc32: '00000000' },
      extents: [extent(5, 0, { digest: digest('A') }), extent(6, 5, { digest: digest('B') })],
    },
    {
      ...{ key: oldPack(2), bytes: 10, crc32: '00000000' },
      extents: [
        extent(5, 5, { digest: digest('C') }),
        extent(5, 0, { digest: digest('D'), rowFormat: 'binary' }),
      ],
    },
  ],
};

const withBase: Plan = {
  ...plan,
  features: ['carried'],
  base: { timestamp: OLD, manifestSha256: '0'.repeat(64) },
  relations: tables.map((relation) => ({ ...relation, baseRelation: relation.id + 5 })),
  contents: [{ ...place, base: digestOf(baseDocument(basePart).bytes) }],
};

const carriedExtent = (change: Partial<CarriedExtent> = {}): CarriedExtent => ({
  relation: 0,
  from: 0,
  rows: 10,
  bytes: 20,
  digest: digest('A'),
  ...change,
});

/** `a` has 30 rows: 10 shipped, 20 carried. `b` has 10, all carried. */
const all = [
  carriedExtent(),
  carriedExtent({ from: 2, digest: digest('C') }),
  carriedExtent({ relation: 1, from: 1, digest: digest('B') }),
];
const sound: SetParts = {
  ...parts([pack(1, [extent(0, 0)])], [sealedRelation(0, 30), sealedRelation(1, 10)]),
  plan: withBase,
  carried: [carried(all)],
  baseParts: [baseDocument(basePart)],
};

function problemsOf(change: Partial<SetParts>) {
  const folded = fold(documentsOf({ ...sound, ...change }));
  if (folded.status === 'complete') return { status: folded.status, messages: [] };
  return {
    status: folded.status,
    codes: folded.problems.map(({ code }) => code),
    messages: folded.problems.map(({ message }) => message),
  };
}

describe('a set with carried rows', () => {
  test('is complete, and its manifest names the packs of the older set', () => {
    const folded = fold(documentsOf(sound));
    if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems));
    const { manifest } = folded;
    expect(manifest).toMatchObject({
      features: ['carried'],
      base: { timestamp: OLD },
      needs: [OLD],
      totals: {
        rows: 40,
        bytes: 80,
        extents: 4,
        objects: 3,
        newObjects: 1,
        newBytes: 5,
        usedBytes: 20,
      },
    });
    expect(manifest.relations[0]).not.toHaveProperty('baseRelation');
    const [part] = folded.parts;
    expect(part?.packs.map(({ key, extents }) => [key, extents.length])).toEqual([
      [oldPack(1), 2],
      [oldPack(2), 1],
      [pack(1, []).object.key, 1],
    ]);
    expect(part?.packs[0]?.extents[1]).toMatchObject({
      relation: 1,
      offset: 5,
      digest: digest('B'),
    });
  });

  test('has one pack in its manifest when two attempts use extents of it', () => {
    const again = carried([carriedExtent({ relation: 1, from: 1, digest: digest('B') })], {
      attempt: 2,
    });
    const folded = fold(
      documentsOf({
        ...sound,
        carried: [carried(all.slice(0, 2)), again],
        counts: new Map([[0, [sealedRelation(0, 30), sealedRelation(1, 10, { attempt: 2 })]]]),
      }),
    );
    if (folded.status !== 'complete') throw new Error(JSON.stringify(folded.problems));
    const [pack] = folded.parts[0]?.packs ?? [];
    expect(pack?.extents.map(({ offset }) => offset)).toEqual([0, 5]);
  });

  test('is incomplete without the part of the base', () => {
    const { status, codes } = problemsOf({ baseParts: [] });
    expect([status, codes]).toEqual(['incomplete', ['object-missing']]);
  });

  test('is incomplete when carried rows are missing', () => {
    const { status, codes } = problemsOf({ carried: [carried(all.slice(0, 2))] });
    expect([status, codes]).toEqual(['incomplete', ['relation-incomplete']]);
  });

  test.each<[string, Partial<CarriedExtent>, string]>([
    ['that the base does not have', { from: 4 }, 'extent 4 of the base does not exist'],
    ['that has other rows', { digest: digest('E') }, 'has another digest'],
    ['of another relation', { relation: 1 }, 'has rows of another relation'],
    ['with another number of rows', { rows: 9 }, 'has other numbers of rows and bytes'],
    ['with another number of bytes', { bytes: 21 }, 'has other numbers of rows and bytes'],
    ['in another row format', { from: 3, digest: digest('D') }, 'has another row format'],
    ['that is used already', { from: 2, digest: digest('C') }, 'is carried twice'],
    ['for a relation that the plan does not have', { relation: 2 }, 'the plan does not assign'],
  ])('is damaged when an extent is carried %s', (_, change, message) => {
    const [, ...rest] = all;
    const { status, messages } = problemsOf({
      carried: [carried([...rest, carriedExtent(change)])],
    });
    expect(status).toBe('damaged');
    expect(messages).toEqual([expect.stringContaining(message)]);
  });

  test('is damaged when the part of the base is not the one in the plan', () => {
    for (const part of [
      { ...basePart, host: 'other' },
      { ...basePart, content: 1 },
      { ...basePart, timestamp: TIMESTAMP },
    ]) {
      expect(problemsOf({ baseParts: [baseDocument(part)] }).status).toBe('damaged');
      const contents = [{ ...place, base: digestOf(baseDocument(part).bytes) }];
      const pinned = { plan: { ...withBase, contents }, baseParts: [baseDocument(part)] };
      expect(problemsOf(pinned).status).toBe(part.host === 'other' ? 'complete' : 'damaged');
    }
  });

  test('is damaged when its plan gives the content or the set no base', () => {
    const { features: _, base: __, ...none } = withBase;
    expect(problemsOf({ plan: { ...withBase, contents: [place] } }).status).toBe('damaged');
    expect(problemsOf({ plan: none }).status).toBe('damaged');
    expect(problemsOf({ plan: { ...none, contents: [place], relations: tables } }).status).toBe(
      'damaged',
    );
  });

  test('is damaged when its base is not older, or its readers are not warned', () => {
    const { features: _, ...unannounced } = withBase;
    expect(problemsOf({ plan: unannounced }).status).toBe('damaged');
    const base = { timestamp: TIMESTAMP, manifestSha256: '0'.repeat(64) };
    expect(problemsOf({ plan: { ...withBase, base } }).status).toBe('damaged');
  });

  test('does not count rows that an attempt without a count carried', () => {
    const dead = carried([carriedExtent({ from: 99 })], { attempt: 2 });
    expect(problemsOf({ carried: [carried(all), dead] }).status).toBe('complete');
  });
});

describe('a set of which any packs lie in an older set', () => {
  const cut = fc.tuple(consistentSet, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }));

  test('has the rows, bytes and frames that it has when it stores them itself', () => {
    fc.assert(
      fc.property(cut, ([set, isOld]) => {
        const [whole, shared] = [fold(documentsOf(set)), fold(documentsOf(halfOld(set, isOld)))];
        if (whole.status !== 'complete' || shared.status !== 'complete') return false;
        const sums = ({ manifest }: typeof whole) =>
          manifest.relations.map(({ id, totals, rowFormat }) => [id, totals, rowFormat]);
        expect(sums(shared)).toEqual(sums(whole));
        expect(shared.manifest.totals).toMatchObject(whole.manifest.totals);
        const hasOld = shared.parts.some(({ packs }) =>
          packs.some(({ key }) => parseKey(key)?.kind === 'pack' && key.includes(OLD)),
        );
        expect(shared.manifest.needs).toEqual(hasOld ? [OLD] : []);
        return true;
      }),
    );
  });

  test('is never complete when a number of a counting extent differs from the base', () => {
    const field = fc.constantFrom('rows', 'bytes', 'from', 'relation');
    fc.assert(
      fc.property(cut, field, fc.nat(), fc.nat(), ([set, isOld], name, nth, extentNth) => {
        const made = halfOld(set, isOld);
        const counting = (made.carried ?? []).flatMap((receipt) =>
          receipt.extents.flatMap((one, at) =>
            (made.counts.get(receipt.content) ?? []).some(
              ({ relation, attempt, rowFormat }) =>
                relation === one.relation &&
                attempt === receipt.attempt &&
                rowFormat === one.rowFormat,
            )
              ? [{ receipt, at }]
              : [],
          ),
        );
        const hit = counting[(nth + extentNth) % Math.max(1, counting.length)];
        if (hit === undefined) return true;
        const changed = {
          ...hit.receipt,
          extents: hit.receipt.extents.map((one, at) =>
            at === hit.at ? { ...one, [name]: one[name] + 1 } : one,
          ),
        };
        const receipts = (made.carried ?? []).map((one) => (one === hit.receipt ? changed : one));
        return fold(documentsOf({ ...made, carried: receipts })).status !== 'complete';
      }),
    );
  });
});
