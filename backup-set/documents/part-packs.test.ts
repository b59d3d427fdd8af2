import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encode } from '../base/document.ts';
import { emptyPart } from '../testing/carried-set.ts';
import { extent } from '../testing/small-set.ts';
import { ManifestPart } from './manifest.ts';
import { partPacks } from './part-packs.ts';

const digest = 'A'.repeat(32);

/** Keys and hosts with all that JSON escapes, and with what looks like structure. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('packs', '"packs":[{"', '}]}', '\\', '\\"'),
);
const part = fc.record({
  host: text,
  refresh: fc.array(fc.record({ schema: fc.constant('packs'), name: fc.constant('}{') })),
  packs: fc.array(
    fc.record({
      key: text,
      bytes: fc.nat(),
      crc32: fc.constant('0000beef'),
      extents: fc.array(
        fc
          .record({ relation: fc.nat(9), offset: fc.nat() })
          .map(({ relation, offset }) => extent(relation, offset, { digest })),
        { maxLength: 4 },
      ),
    }),
    { maxLength: 5 },
  ),
});

/** The packs of a document that comes in pieces of `size` bytes, each in the same memory. */
function read(bytes: Uint8Array, size: number) {
  const packsOf = partPacks('k');
  const memory = new Uint8Array(size);
  const packs: { bytes: number; extents: unknown[] }[] = [];
  let extents: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    memory.set(piece);
    for (const found of packsOf(memory.subarray(0, piece.length))) {
      if (found.extents !== undefined) {
        extents.push(...found.extents);
        continue;
      }
      packs.push({ bytes: found.packBytes, extents });
      extents = [];
    }
  }
  return packs;
}

describe('the packs of a manifest part', () => {
  test('are the same whether the document is parsed as a whole or read in pieces of any size', () => {
    fc.assert(
      fc.property(part, fc.integer({ min: 1, max: 400 }), (fields, size) => {
        const bytes = encode(ManifestPart, { ...emptyPart, ...fields });
        const packs = fields.packs.map(({ bytes: packBytes, extents }) => ({
          bytes: packBytes,
          extents,
        }));
        expect(read(bytes, size)).toEqual(packs);
      }),
      { numRuns: 300 },
    );
  });

  test('are rejected with the key of the document when an extent is not valid', () => {
    const text = '{"packs":[{"key":"p","bytes":1,"crc32":"00000000","extents":[{"relation":-1}]}]}';
    expect(() => read(Buffer.from(text), 7)).toThrow(/^k: field \[0\].relation/);
  });

  test('are read when a batch ends with an extent, before the comma behind it', () => {
    // Each digit more moves the end of the first batch by one byte, over a whole extent.
    for (let digits = 0; digits < 250; digits++) {
      const offset = (at: number) =>
        Number('1'.repeat(1 + (at < digits ? 1 : 0) + (at < digits - 125 ? 1 : 0)));
      const extents = Array.from({ length: 250 }, (_, at) => extent(1, offset(at), { digest }));
      const packs = [{ key: 'k', bytes: 1, crc32: '00000000', extents }];
      const bytes = encode(ManifestPart, { ...emptyPart, packs });
      expect(read(bytes, bytes.length)).toEqual([{ bytes: 1, extents }]);
    }
  });

  test('are read in batches, with all extents of a pack that has many', () => {
    const extents = Array.from({ length: 2000 }, (_, at) => extent(1, at, { digest }));
    const bytes = encode(ManifestPart, {
      ...emptyPart,
      packs: [{ key: 'k', bytes: 1, crc32: '00000000', extents }],
    });
    expect([...partPacks('k')(bytes)].length).toBeGreaterThan(3);
    expect(read(bytes, 10_000)).toEqual([{ bytes: 1, extents }]);
  });

  test('are rejected when a pack or an extent is longer than a valid one', () => {
    const long = (before: string) => Buffer.from(before + 'x'.repeat(100_000));
    expect(() => read(long('{"packs":[{"key":"'), 1000)).toThrow('more than 65536 bytes');
    expect(() => read(long('{"packs":[{"extents":[{"a":"'), 1000)).toThrow('more than 16384');
  });
});
