import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { type Extent, Extents } from '../../../backup-set/documents/receipt.ts';
import { extentScanner } from './scan-extents.ts';

const positive = fc.oneof(fc.integer({ min: 1 }), fc.constant(Number.MAX_SAFE_INTEGER));
const digest = fc
  .uint8Array({ minLength: 24, maxLength: 24 })
  .map((bytes) => Buffer.from(bytes).toString('base64url'));
const extent: fc.Arbitrary<Extent> = fc.record(
  {
    relation: fc.nat(),
    offset: fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER)),
    ...{ length: positive, rows: positive, bytes: positive },
    crc32: fc.integer({ min: 0, max: 2 ** 32 - 1 }).map((n) => n.toString(16).padStart(8, '0')),
    rowFormat: fc.constant('binary' as const),
    digest,
    range: fc.nat(),
  },
  { requiredKeys: ['relation', 'offset', 'length', 'rows', 'bytes', 'crc32'] },
);

/** What the scanner gives of a text, and where it has stopped. */
function scan(text: Uint8Array) {
  const found: Omit<Extent, 'offset' | 'rows' | 'crc32'>[] = [];
  const stopped = extentScanner(({ hasDigest, digest: bytes, rowFormat, range, ...numbers }) =>
    found.push({
      ...numbers,
      ...(rowFormat && { rowFormat }),
      ...(hasDigest && { digest: bytes.toString('base64url') }),
      ...(range !== undefined && { range }),
    }),
  )(text);
  return { found, stopped };
}

const scanned = ({ offset: _, rows: __, crc32: ___, ...kept }: Extent) => kept;
const jsonOf = (list: readonly Extent[]) => Buffer.from(JSON.stringify(list));

describe('a list of extents that is scanned', () => {
  test('gives what the schema gives', () => {
    fc.assert(
      fc.property(fc.array(extent, { minLength: 1, maxLength: 5 }), (list) => {
        const text = jsonOf(list);
        expect(scan(text)).toEqual({ found: list.map(scanned), stopped: text.length });
      }),
      { numRuns: 500 },
    );
  });

  test('is not read where a byte is wrong: the scanner accepts nothing that the schema rejects', () => {
    const bytes = fc.oneof(fc.constantFrom(...Buffer.from('0-.,:"{}[]e ')), fc.nat(255));
    const list = fc.array(extent, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(list, fc.nat(), bytes, fc.boolean(), (extents, place, byte, isInserted) => {
        const text = [...jsonOf(extents)];
        // The caller has found the first bracket.
        text.splice(1 + (place % (text.length - 1)), isInserted ? 0 : 1, byte);
        const altered = Uint8Array.from(text);
        const { found, stopped } = scan(altered);
        if (stopped < altered.length) return;
        expect(found).toEqual(decode(Extents, { key: 'k', bytes: altered }).map(scanned));
      }),
      { numRuns: 5_000 },
    );
  });

  test.each([
    ['numbers that are not safe', '"bytes":1', '"bytes":9007199254740993'],
    ['a zero before a number', '"rows":1', '"rows":01'],
    ['no rows', '"rows":1', '"rows":0'],
    ['a fraction', '"bytes":1', '"bytes":1.5'],
    ['a space', '"rows":1', '"rows": 1'],
    ['an unknown field', '"rows":1', '"rows":1,"more":1'],
  ])('stops before an extent with %s', (_, from, to) => {
    const one = { relation: 1, offset: 0, length: 1, rows: 1, bytes: 1, crc32: '0badbeef' };
    const text = JSON.stringify([one, one]).replace(new RegExp(`(},.*)${from}`), `$1${to}`);
    const stopped = text.indexOf('},') + 2;
    expect(scan(Buffer.from(text))).toMatchObject({ found: [scanned(one)], stopped });
  });

  test('is not read when a comma follows its last extent', () => {
    const text = `${JSON.stringify([{ relation: 1, offset: 0, length: 1, rows: 1, bytes: 1, crc32: '0badbeef' }]).slice(0, -1)},]`;
    expect(scan(Buffer.from(text))).toEqual({ found: [], stopped: 1 });
  });
});
