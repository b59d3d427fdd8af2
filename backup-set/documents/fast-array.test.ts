import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { decode } from '../base/document.ts';
import { isStowageError } from '../base/errors.ts';
import { Extent, Extents } from './receipt.ts';
import {
  LoadedRelation,
  LoadedRelations,
  SourceExtent,
  SourceExtents,
  VerifyExtent,
  VerifyExtents,
} from './restore/restore.ts';
import { SealedRelation, SealedRelations } from './seal.ts';

const count = fc.nat(1_000_000);
const extent = fc.record({
  relation: count,
  offset: count,
  length: fc.integer({ min: 1, max: 1_000_000 }),
  rows: fc.integer({ min: 1, max: 1_000_000 }),
  bytes: fc.integer({ min: 1, max: 1_000_000 }),
  crc32: fc.stringMatching(/^[0-9a-f]{8}$/),
});
const word = fc.record({
  relation: count,
  attempt: fc.integer({ min: 1, max: 9999 }),
  rows: count,
  bytes: count,
});

const identifier = fc.oneof(
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.constantFrom('', 'x'.repeat(1024), 'x'.repeat(1025)),
);
const name = fc.record({ schema: identifier, name: identifier });
const source = extent.map(({ relation, ...rest }) => ({ key: `sets/${relation}.pack`, ...rest }));
const checked = fc
  .tuple(extent, name)
  .map(([{ offset, length, crc32 }, relation]) => ({ offset, length, crc32, relation }));
const loaded = fc.tuple(name, count).map(([named, rows]) => ({ ...named, rows }));

/** Values of JSON, and wrong values that a program could write. */
const wrong = fc.constantFrom<unknown>(
  0,
  -0,
  -1,
  1.5,
  2 ** 53,
  1e300,
  null,
  undefined,
  true,
  '',
  '7',
  '0123456',
  'ABCDEF01',
  '0123abcd\n',
  [],
  {},
  9999,
  10_000,
);

describe.each([
  ['extents', Extents, z.array(Extent), extent],
  ['sealed relations', SealedRelations, z.array(SealedRelation), word],
  ['extents to load', SourceExtents, z.array(SourceExtent), source],
  ['extents to verify', VerifyExtents, z.array(VerifyExtent), checked],
  ['loaded relations', LoadedRelations, z.array(LoadedRelation), loaded],
] as const)(
  'the fast reader of %s',
  (_, quick, slow, item: fc.Arbitrary<Record<string, unknown>>) => {
    const broken = fc.tuple(item, fc.nat(), wrong).map(([sound, at, value]) => {
      const fields = Object.keys(sound);
      return { ...sound, [fields[at % fields.length] ?? '']: value };
    });
    const lists = fc.oneof(
      fc.array(item, { maxLength: 4 }),
      fc.array(fc.oneof({ arbitrary: item, weight: 3 }, broken, wrong), { maxLength: 4 }),
      wrong,
    );

    test('accepts and rejects the same items as the schema, and names the same field', () => {
      fc.assert(
        fc.property(lists, (value) => {
          const [fast, thorough] = [quick.safeParse(value), slow.safeParse(value)];
          expect(fast.success).toBe(thorough.success);
          expect(fast.data).toEqual(thorough.data);
          expect(fast.error?.issues.map(({ path, message }) => ({ path, message }))).toEqual(
            thorough.error?.issues.map(({ path, message }) => ({ path, message })),
          );
        }),
        { numRuns: 1000 },
      );
    });

    test('omits unknown fields', () => {
      fc.assert(
        fc.property(item, (sound) => {
          const alone = slow.safeParse([sound]);
          const more = quick.safeParse([{ ...sound, later: 1 }]);
          expect(JSON.stringify(more.data)).toBe(JSON.stringify(alone.data));
        }),
      );
    });
  },
);

test('an error in a list of a document names the path of the field', () => {
  const document = z.object({ packs: z.array(z.object({ extents: Extents })) });
  const sound = { relation: 0, offset: 0, length: 1, rows: 1, bytes: 1, crc32: '00000000' };
  const read = (extents: unknown) => {
    const text = JSON.stringify({ packs: [{ extents: [] }, { extents }] });
    try {
      decode(document, { key: 'k', bytes: new TextEncoder().encode(text) });
    } catch (error) {
      if (isStowageError(error, 'set/unreadable')) return error.where.field;
      throw error;
    }
    return undefined;
  };
  expect(read([sound, { ...sound, rows: 0 }])).toBe('packs[1].extents[1].rows');
  expect(read('no list')).toBe('packs[1].extents');
  expect(read(undefined)).toBe('packs[1].extents');
  expect(read([sound])).toBeUndefined();
});
