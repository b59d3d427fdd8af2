import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  cutContent,
  gatherSlices,
  needsSlicing,
  type SliceLimits,
  type WeighedPiece,
  wholeContent,
} from './cut-slices.ts';

const LIMITS: SliceLimits = { bytes: 1000, extents: 50, objects: 10, contents: 3 };
const weight = fc.record({
  bytes: fc.integer({ min: 1, max: 1500 }),
  extents: fc.integer({ min: 1, max: 60 }),
});

type Part = Parameters<typeof cutContent>[0];
type Weight = { bytes: number; extents: number };

/** Only the fields that cutting reads. */
function partOf(content: number, packs: readonly Weight[]): Part {
  const metadata = [{ bytes: 10 }];
  return {
    content,
    metadata,
    packs: packs.map(({ bytes, extents }) => ({ bytes, extents: Array(extents) })),
  } as unknown as Part;
}

function totalsOf(packs: readonly Weight[]) {
  const sum = (of: (weight: Weight) => number) =>
    packs.reduce((total, pack) => total + of(pack), 0);
  return {
    storedBytes: 10 + sum(({ bytes }) => bytes),
    extents: sum(({ extents }) => extents),
    objects: packs.length + 1,
  };
}

function slicesOf(contents: readonly Weight[][]): WeighedPiece[][] {
  function* pieces(): Generator<WeighedPiece> {
    for (const [content, packs] of contents.entries()) {
      const totals = totalsOf(packs);
      if (needsSlicing(totals, LIMITS)) yield* cutContent(partOf(content, packs), LIMITS);
      else yield wholeContent({ content, totals } as unknown as Parameters<typeof wholeContent>[0]);
    }
  }
  return [...gatherSlices(pieces(), LIMITS)];
}

const contents = fc.array(fc.array(weight, { maxLength: 30 }), { minLength: 1, maxLength: 12 });

test('every object of a set is in exactly one slice, whatever the sizes', () => {
  fc.assert(
    fc.property(contents, (given) => {
      const seen = slicesOf(given)
        .flat()
        .flatMap(({ content, from, to }) =>
          Array.from({ length: to - from }, (_, at) => `${content}/${from + at}`),
        );
      const wanted = given.flatMap((packs, content) =>
        Array.from({ length: packs.length + 1 }, (_, at) => `${content}/${at}`),
      );
      expect(seen).toEqual(wanted);
    }),
  );
});

test('a slice exceeds a limit only if it has a single object', () => {
  fc.assert(
    fc.property(contents, (given) => {
      for (const slice of slicesOf(given)) {
        const objects = slice.reduce((sum, { from, to }) => sum + to - from, 0);
        const bytes = slice.reduce((sum, piece) => sum + piece.bytes, 0);
        const extents = slice.reduce((sum, piece) => sum + piece.extents, 0);
        const within =
          bytes <= LIMITS.bytes && extents <= LIMITS.extents && objects <= LIMITS.objects;
        expect(within || objects === 1).toBe(true);
        expect(new Set(slice.map(({ content }) => content)).size).toBeLessThanOrEqual(
          LIMITS.contents,
        );
      }
    }),
  );
});
