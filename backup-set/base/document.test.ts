import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import { Plan } from '../documents/plan.ts';
import { Receipt } from '../documents/receipt.ts';
import { Seal, SealPart } from '../documents/seal.ts';
import { consistentSet } from '../testing/arbitraries.ts';
import { partsOf, receiptDocument, sealFor, sealOf } from '../testing/builders.ts';
import { plan } from '../testing/plans.ts';
import { extent, pack, plan as smallPlan } from '../testing/small-set.ts';
import { decode, EXTENTS_MAX, encode, indexByKey, RECEIPT_BYTES_MAX } from './document.ts';
import { isStowageError, type StowageError } from './errors.ts';

const key = 'sets/x';
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** The error of decoding a wrong document. Any other result fails the test. */
function refusal(schema: z.ZodType, bytes: Uint8Array): StowageError {
  try {
    decode(schema, { key, bytes });
  } catch (error) {
    if (isStowageError(error, 'set/unreadable')) return error;
    throw error;
  }
  throw new Error('it was read');
}

describe('a document', () => {
  test('decodes to the encoded value, also with hostile names, and encodes to its bytes', () => {
    fc.assert(
      fc.property(consistentSet, (parts) => {
        const seal = sealOf(parts);
        for (const [schema, document] of [
          [Plan, parts.plan],
          [Seal, sealFor(seal)],
          ...partsOf(seal).map((part) => [SealPart, part] as const),
          ...[...parts.sealed, ...parts.dead].map((receipt) => [Receipt, receipt] as const),
        ] as const) {
          const bytes = encode(schema as z.ZodType, document);
          const read = decode(schema as z.ZodType, { key, bytes });
          expect(read).toEqual(document);
          expect(encode(schema as z.ZodType, read)).toEqual(bytes);
        }
      }),
    );
  });

  test('is one line that starts with format and version, in any order of its fields', () => {
    fc.assert(
      fc.property(plan, (made) => {
        const reversed = Object.fromEntries(Object.entries(made).reverse());
        const text = new TextDecoder().decode(encode(Plan, made));
        expect(text).toMatch(/^\{"format":"stowage\/plan","version":1,.*\}\n$/s);
        expect(text.indexOf('\n')).toBe(text.length - 1);
        expect(
          encode(Plan, decode(Plan, { key, bytes: bytesOf(JSON.stringify(reversed)) })),
        ).toEqual(bytesOf(text));
      }),
    );
  });

  test('is decoded without unknown fields, among them fields of prototypes', () => {
    const { bytes } = receiptDocument(pack(1, [extent(0, 0)]));
    const text = new TextDecoder()
      .decode(bytes)
      .replace('{', '{"__proto__":{"kind":"metadata"},"later":1,');
    const read = decode(Receipt, { key, bytes: bytesOf(text) });
    expect(encode(Receipt, read)).toEqual(bytes);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  });
});

describe('decoding fails with set/unreadable and the key for', () => {
  const garbage: Record<string, Uint8Array> = {
    'no bytes': bytesOf(''),
    'half a document': bytesOf('{"format":"stowage/plan",'),
    'UTF-8 cut in the middle of a character': bytesOf('"é"').slice(0, 2),
    'bytes that are not UTF-8': Uint8Array.of(0x22, 0xff, 0xfe, 0x22),
    'another JSON value': bytesOf('[]'),
    null: bytesOf('null'),
    'a number that overflows': bytesOf('1e999'),
    'an object of prototypes': bytesOf('{"__proto__":{"format":"stowage/plan","version":1}}'),
    '10,000 nested arrays': bytesOf('['.repeat(10_000) + ']'.repeat(10_000)),
    '10,000 nested objects': bytesOf(`${'{"relations":'.repeat(10_000)}0${'}'.repeat(10_000)}`),
  };
  test.each(Object.entries(garbage))('%s', (_, bytes) => {
    for (const schema of [Plan, Receipt, Seal]) {
      const error = refusal(schema, bytes);
      expect(error.where.object).toBe(key);
      expect(error.message).toContain(key);
    }
  });

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytesOf)), (bytes) => {
        for (const schema of [Plan, Receipt, Seal])
          expect(refusal(schema, bytes).where.object).toBe(key);
      }),
    );
  });
});

describe('a decoding error names the field', () => {
  const receipt = JSON.stringify(pack(1, [extent(0, 0)]));
  const { extents: _, ...withoutExtents } = pack(1, []);
  test.each([
    ['version', receipt.replace('"version":1', '"version":2')],
    ['format', receipt.replace('stowage/receipt', 'stowage/plan')],
    ['kind', receipt.replace('"kind":"pack"', '"kind":"__proto__"')],
    ['extents', JSON.stringify(withoutExtents)],
    ['extents', receipt.replace(/"extents":\[.*\]/, '"extents":[]')],
    ['extents[0].rows', receipt.replace('"rows":10', '"rows":-0')],
    ['extents[0].rows', receipt.replace('"rows":10', '"rows":9007199254740992')],
    ['extents[0].rows', receipt.replace('"rows":10', '"rows":1e400')],
    ['extents[0].rows', receipt.replace('"rows":10', '"rows":1.5')],
    ['extents[0].rows', receipt.replace('"rows":10', '"rows":"10"')],
    ['extents[0].rows', receipt.replace('"rows":10', '"rows":-10')],
    ['extents[0].offset', receipt.replace('"offset":0', '"offset":-0')],
    ['extents[0].crc32', receipt.replace(/"crc32":"0{8}"\}\]/, '"crc32":"0000000A"}]')],
    ['content', receipt.replace('"content":0', '"content":-0')],
    ['content', receipt.replace('"content":0', '"content":-2')],
    ['attempt', receipt.replace('"attempt":1', '"attempt":0')],
    ['sequence', receipt.replace('"sequence":1', '"sequence":1000000')],
    ['timestamp', receipt.replace('"timestamp":"20260131120000"', '"timestamp":"20260231120000"')],
    ['object.key', receipt.replace('"key":', '"kee":')],
    [
      'startedAt',
      receipt.replace('"startedAt":"2026-01-31T12:00:00.000Z"', '"startedAt":"yesterday"'),
    ],
  ])('%s (case %#)', (field, text) => {
    expect(text).not.toBe(receipt);
    const error = refusal(Receipt, bytesOf(text));
    expect(error.where.field).toBe(field);
    expect(error.message).toContain(field);
  });

  test('and quotes few of many, in the cause that logs show', () => {
    const { cause } = refusal(Plan, bytesOf(`{"relations":[${'1,'.repeat(1000)}1]}`));
    expect(String(cause).length).toBeLessThan(10_000);
  });

  test('for every missing field of a plan', () => {
    for (const field of Object.keys(smallPlan)) {
      const less = Object.fromEntries(Object.entries(smallPlan).filter(([name]) => name !== field));
      expect(refusal(Plan, bytesOf(JSON.stringify(less))).where.field).toBe(field);
    }
  });
});

test('indexByKey keeps equal documents of a key once, and different ones together', () => {
  const [a, b] = [bytesOf('a'), bytesOf('b')];
  const index = indexByKey([
    { key: '__proto__', bytes: a },
    { key: '__proto__', bytes: bytesOf('a') },
    { key: 'k', bytes: a },
    { key: 'k', bytes: b },
    { key: 'k', bytes: a },
  ]);
  expect([...index].map(([name, list]) => [name, list.length])).toEqual([
    ['__proto__', 1],
    ['k', 2],
  ]);
});

test('a receipt with EXTENTS_MAX extents is smaller than RECEIPT_BYTES_MAX', () => {
  const tib = 2 ** 40;
  const last = extent(999_999, 5 * tib, {
    length: 2 ** 30,
    rows: 2 ** 30,
    bytes: 2 ** 30,
    crc32: 'ffffffff',
  });
  const perFrame = JSON.stringify(last).length + 1;
  const frame = receiptDocument(pack(1, [last])).bytes.length;
  expect(frame + perFrame * EXTENTS_MAX).toBeLessThan(RECEIPT_BYTES_MAX);
});
