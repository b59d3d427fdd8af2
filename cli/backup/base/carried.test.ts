import { expect, test } from 'vitest';
import { carriedLines, digestFault } from './carried.ts';

const BASE = { timestamp: '20260101000000', manifestSha256: '0'.repeat(64) };
const KEY_ID = 'a'.repeat(32);
const of = (own: string | undefined, before: string | undefined) => ({
  base: BASE,
  encryption: {
    keyId: KEY_ID,
    ...(own && { digestKeyId: own }),
    older: [
      { timestamp: '20251231000000', keyId: KEY_ID, digestKeyId: 'c'.repeat(32) },
      { timestamp: BASE.timestamp, keyId: KEY_ID, ...(before && { digestKeyId: before }) },
    ],
  },
});
const [ONE, OTHER] = ['d'.repeat(32), 'e'.repeat(32)];

test.each([
  ['the same key', ONE, ONE, undefined],
  ['another key', ONE, OTHER, 'another-key'],
  ['a key, and a base without one', ONE, undefined, 'another-key'],
  ['no key', undefined, ONE, 'no-key'],
])(
  'a backup with %s for digests than its base says why rows are stored again',
  (_, own, before, fault) => {
    const plan = of(own, before);
    expect(digestFault(plan)).toBe(fault);
    const said = carriedLines(plan, { bytes: 1000, carriedBytes: 0 }).join('\n');
    expect(said.includes('stored again')).toBe(fault !== undefined);
    expect(said.includes('the rows are the same')).toBe(fault === undefined);
  },
);

test('a backup that is not encrypted, or has no base, says nothing of digests', () => {
  expect(digestFault({ base: BASE })).toBeUndefined();
  const { encryption } = of(undefined, undefined);
  expect(carriedLines({ encryption }, { bytes: 1, carriedBytes: 0 })).toEqual([]);
  expect(carriedLines({ base: BASE }, { bytes: 1000, carriedBytes: 500 })).toEqual([
    'carried 500 B of 1.00 kB from set 20260101000000 and its older sets: the rows are the same',
  ]);
});
