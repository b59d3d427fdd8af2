import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ManifestPart } from '../../documents/manifest.ts';
import { idsOf, type Ranges } from '../../documents/plan.ts';
import type { SealedRelation } from '../../documents/seal.ts';
import type { WitnessedRelation } from '../../documents/witnesses.ts';
import { documentsOf, type SetParts, TIMESTAMP } from '../../testing/builders.ts';
import { carried, OLD } from '../../testing/carried-set.ts';
import { fold } from '../../testing/fold-whole.ts';
import {
  changedOf,
  digestOfFrame,
  type RangedChange,
  rangedWitness,
  readInPart,
  type TestRange,
} from '../../testing/ranged-set.ts';
import { extent, pack, sealedRelation } from '../../testing/small-set.ts';
import { changedRanges, unreadRanges } from '../../witness/ranges.ts';

/** Range 1 of four changed. */
const FOUR: TestRange[] = [2, 1, 3, 1].map((frames, at) => ({ frames, isChanged: at === 1 }));

const statusOf = (set: SetParts) => fold(documentsOf(set)).status;

const entry = (change: (one: WitnessedRelation) => WitnessedRelation): RangedChange => ({
  witnesses: (document) => ({ ...document, relations: document.relations.map(change) }),
});

const inBase = (change: Partial<ManifestPart['relations'][number]>): RangedChange => ({
  base: (part) => ({ ...part, relations: part.relations.map((one) => ({ ...one, ...change })) }),
});

function sealed(change: (count: SealedRelation) => SealedRelation): SetParts {
  const set = readInPart(FOUR);
  const counts = (set.counts.get(0) ?? []).map((one) => (one.relation === 0 ? change(one) : one));
  return { ...set, counts: new Map([[0, counts]]) };
}

/** The packs of the set, with other extents of table `a`. */
const shipping = (...ranges: (number | undefined)[]): SetParts => ({
  ...readInPart(FOUR),
  sealed: [
    pack(1, [
      extent(1, 0),
      ...ranges.map((range, at) => extent(0, 5 + at * 5, range === undefined ? {} : { range })),
    ]),
  ],
});

describe('a set of which a table was read in ranges of blocks', () => {
  test('has for any division the rows and frames that it has when all ranges are read', () => {
    const range = fc.record({ frames: fc.nat({ max: 3 }), isChanged: fc.boolean() });
    const divisions = fc
      .array(range, { minLength: 2, maxLength: 12 })
      .filter((all) => all.some((one) => one.isChanged) && all.some((one) => !one.isChanged));
    fc.assert(
      fc.property(divisions, (ranges) => {
        const folded = fold(documentsOf(readInPart(ranges)));
        if (folded.status !== 'complete') throw new Error(JSON.stringify(folded));
        const frames = ranges.flatMap(({ frames: some }, at) => new Array<number>(some).fill(at));
        const [part] = folded.parts;
        const found = (part?.packs ?? [])
          .flatMap(({ extents }) => extents)
          .flatMap((one) => (one.relation === 0 ? [one.range] : []));
        expect(found.toSorted()).toEqual(frames.toSorted());
        expect(part?.relations[0]).toMatchObject({
          ...{ rows: frames.length * 10, bytes: frames.length * 20 },
          ...{ readAt: OLD, readRanges: changedOf(ranges) },
        });
        expect(folded.manifest.totals.readRelations).toBe(2);
      }),
    );
  });

  test('is damaged when other ranges were read than its witness demands', () => {
    expect(statusOf(readInPart(FOUR))).toBe('complete');
    const others: (Ranges | undefined)[] = [[], [[0, 0]], [[0, 1]], [[0, 3]], [[1, 4]], undefined];
    for (const read of others) {
      const change = entry(({ readRanges: _, ...one }) => ({
        ...one,
        ...(read && { readRanges: read }),
      }));
      expect(statusOf(readInPart(FOUR, change))).toBe('damaged');
      expect(
        statusOf(sealed(({ ranges: _, ...one }) => ({ ...one, ...(read && { ranges: read }) }))),
      ).toBe('damaged');
    }
    for (const changed of [undefined, [], [[0, 1]], [[2, 2]], [[1, 9]]] satisfies (
      | Ranges
      | undefined
    )[]) {
      const witness = rangedWitness(4, changed);
      expect(
        statusOf(
          readInPart(
            FOUR,
            entry((one) => ({ ...one, witness })),
          ),
        ),
      ).toBe('damaged');
    }
  });

  test('is damaged when its witness or that of the base has other ranges', () => {
    for (const witness of [rangedWitness(3), rangedWitness(5), { ...rangedWitness(4), file: 1 }])
      expect(statusOf(readInPart(FOUR, inBase({ witness })))).toBe('damaged');
    expect(statusOf(readInPart(FOUR, inBase({ rowFormat: 'binary' })))).toBe('damaged');
    const whole: RangedChange = {
      base: (part) => ({
        ...part,
        relations: part.relations.map(({ readRanges: _, ...one }) => one),
      }),
    };
    expect(statusOf(readInPart(FOUR, whole))).toBe('damaged');
  });

  test('is damaged when it says that it was read at another time', () => {
    for (const readAt of [TIMESTAMP, '20260129120000'])
      expect(
        statusOf(
          readInPart(
            FOUR,
            entry((one) => ({ ...one, readAt })),
          ),
        ),
      ).toBe('damaged');
  });

  test('is damaged when rows lie in a range that was not read, or in an unknown one', () => {
    expect(statusOf(shipping(1))).toBe('complete');
    for (const range of [0, 2, 3, 4, undefined]) expect(statusOf(shipping(range))).toBe('damaged');
    const unranged: RangedChange = {
      base: (part) => ({
        ...part,
        packs: part.packs.map((one) => ({
          ...one,
          extents: one.extents.map(({ range: _, ...rest }) => rest),
        })),
      }),
    };
    expect(statusOf(readInPart(FOUR, unranged))).toBe('damaged');
    const beyond: RangedChange = {
      base: (part) => ({
        ...part,
        packs: part.packs.map((one) => ({
          ...one,
          extents: one.extents.map((each) => ({ ...each, range: 4 })),
        })),
      }),
    };
    expect(statusOf(readInPart(FOUR, beyond))).toBe('damaged');
  });

  test('is not complete when rows of a range that was read are missing, or are there twice', () => {
    expect(statusOf(shipping())).toBe('incomplete');
    expect(statusOf(shipping(1, 1))).toBe('damaged');
    expect(statusOf(sealed((one) => ({ ...one, rows: one.rows + 10 })))).toBe('incomplete');
    expect(statusOf({ ...readInPart(FOUR), baseParts: [] })).toBe('incomplete');
  });

  test('can carry rows that were read, in the range in which they were read', () => {
    const claim = (from: number, range?: number): SetParts => {
      const set = readInPart(FOUR);
      const rows = { relation: 0, from, rows: 10, bytes: 20, digest: digestOfFrame(from) };
      const entry = { ...rows, ...(range !== undefined && { range }) };
      return { ...set, sealed: [pack(1, [extent(1, 0)])], carried: [carried([entry])] };
    };
    // Frames 0 and 1 are of range 0, which is not read, frame 2 of range 1.
    expect(statusOf(claim(2, 1))).toBe('complete');
    for (const set of [claim(2), claim(2, 0), claim(0, 1), claim(0, 0)])
      expect(statusOf(set)).toBe('damaged');
  });

  test('can have been read whole, in COPY BINARY, and then has no ranges', () => {
    const binary = { rowFormat: 'binary' } as const;
    const set = sealed(({ ranges: _, ...one }) => ({ ...one, ...binary, rows: 20, bytes: 40 }));
    const rows = [extent(1, 0), extent(0, 5, binary), extent(0, 10, binary)];
    // Frames of the attempt in text do not count.
    const packs = [pack(1, rows), pack(2, [extent(0, 0, { range: 1 })])];
    const folded = fold(documentsOf({ ...set, sealed: packs }));
    if (folded.status !== 'complete') throw new Error(JSON.stringify(folded));
    const [found] = folded.parts[0]?.relations ?? [];
    expect(found).toMatchObject({ rows: 20, readAt: TIMESTAMP });
    expect(found).not.toHaveProperty('readRanges');
    expect(folded.manifest.needs).toEqual([]);
    const text = sealed(({ ranges: _, ...one }) => one);
    expect(statusOf({ ...text, sealed: [pack(1, [extent(1, 0), extent(0, 5)])] })).toBe('damaged');
  });

  test('can have been read whole by a shipper that knows no ranges, unless only some were due', () => {
    const read = entry((one) => ({ ...one, readAt: TIMESTAMP, readRanges: [[0, 3]] }));
    const whole = (ranges?: Ranges, ...given: number[]): SetParts => ({
      ...readInPart(FOUR, read),
      ...{ sealed: shipping(...(given.length > 0 ? given : [undefined])).sealed },
      counts: new Map([
        [0, [sealedRelation(0, 10, { ...(ranges && { ranges }) }), sealedRelation(1, 10)]],
      ]),
    });
    expect(statusOf(whole([[0, 3]], 2))).toBe('complete');
    const folded = fold(documentsOf(whole()));
    if (folded.status !== 'complete') throw new Error(JSON.stringify(folded));
    expect(folded.parts[0]?.relations[0]).not.toHaveProperty('readRanges');
    for (const set of [whole([[0, 2]], 2), whole([[0, 3]]), whole(undefined, 2)])
      expect(statusOf(set)).toBe('damaged');
  });

  test('is damaged when the seal says that none of it was read', () => {
    expect(statusOf(sealed((one) => ({ ...one, carried: true })))).toBe('damaged');
  });
});

describe('the ranges that must be read', () => {
  const base = (count: number) => ({
    witness: rangedWitness(count),
    readRanges: [[0, count - 1]] satisfies Ranges,
  });

  test('include every changed one, and from the last one of the base when there are more', () => {
    const counts = fc.tuple(fc.integer({ min: 2, max: 20 }), fc.nat({ max: 5 }));
    const changes = fc.uniqueArray(fc.nat({ max: 24 }), { minLength: 1 });
    fc.assert(
      fc.property(counts, changes, ([count, more], some) => {
        const changed = some.filter((range) => range < count + more).sort((a, b) => a - b);
        const list = changed.map((range): [number, number] => [range, range]);
        const read = changedRanges(base(count), rangedWitness(count + more, list));
        if (changed.length === 0) return read === undefined;
        const ids = read === undefined ? undefined : new Set(idsOf(read));
        const has = (range: number) => ids?.has(range) ?? true;
        const grown = more === 0 || (has(count - 1) && has(count + more - 1));
        const needless = [...(ids ?? [])].filter(
          (range) => !changed.includes(range) && (more === 0 || range < count - 1),
        );
        return changed.every(has) && grown && needless.length === 0;
      }),
    );
  });

  test('are all when the table has fewer ranges, or ranges of another size', () => {
    expect(changedRanges(base(4), rangedWitness(3, [[0, 0]]))).toBeUndefined();
    const other = rangedWitness(4, [[0, 0]]);
    if (other.kind !== 'wal-summary' || other.ranges === undefined) throw new Error('no ranges');
    const ranges = { ...other.ranges, blocks: 16 };
    expect(changedRanges(base(4), { ...other, ranges })).toBeUndefined();
    expect(changedRanges(undefined, other)).toBeUndefined();
  });

  test('are unknown for the next set when an unread table now has more or fewer of them', () => {
    expect(unreadRanges(base(4), rangedWitness(4))).toEqual([]);
    expect(unreadRanges(base(4), rangedWitness(5))).toBeUndefined();
    expect(unreadRanges(base(4), rangedWitness(3))).toBeUndefined();
  });
});
