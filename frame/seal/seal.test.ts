import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fileContext, frameContext } from './context.ts';
import { contentKey } from './derive.ts';
import { open, opening } from './open.ts';
import { CHUNK_BYTES, seal, sealedBytes, sealing } from './seal.ts';

const key = contentKey(Buffer.alloc(32, 7), '20260131120000', 3);
const place = fileContext('sets/20260131/20260131120000/metadata/3/1-schema.dump');

async function collected(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield bytes.subarray(at, at + size);
}

const lengths = [0, 1, 100, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES];

describe.each(lengths)('%i bytes', (length) => {
  const plain = randomBytes(length);

  test('are the same after sealing and opening, in memory and as streams', async () => {
    const sealed = seal(key, place, plain);
    expect(sealed.byteLength).toBe(sealedBytes(length));
    expect(open(key, place, sealed).equals(plain)).toBe(true);
    const streamed = await collected(sealing(key, place, inPieces(plain, 70_001)));
    expect(streamed.byteLength).toBe(sealedBytes(length));
    expect(open(key, place, streamed).equals(plain)).toBe(true);
    const opened = await collected(opening(key, place, inPieces(sealed, 65_537)));
    expect(opened.equals(plain)).toBe(true);
  });

  test('that were truncated or extended are refused', async () => {
    const sealed = seal(key, place, plain);
    const cuts = [0, 1, 31, 32, 47, sealed.length - 1, sealed.length - 16, 32 + CHUNK_BYTES + 16];
    const wrong = [
      ...cuts.filter((end) => end < sealed.length).map((end) => sealed.subarray(0, end)),
      Buffer.concat([sealed, Buffer.alloc(1)]),
      Buffer.concat([sealed, sealed.subarray(32)]),
    ];
    for (const bytes of wrong) {
      expect(() => open(key, place, bytes)).toThrow(/cannot be decrypted/);
      await expect(collected(opening(key, place, inPieces(bytes, 70_001)))).rejects.toThrow(
        /cannot be decrypted/,
      );
    }
  });
});

test('no bit of a sealed object can be flipped', () => {
  const sealed = seal(key, place, Buffer.from('1\tmoney\n'));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(() => open(key, place, flipped)).toThrow(/cannot be decrypted/);
  }
});

test('a frame opens only in its pack, at its offset, for its relation and its row format', () => {
  const text = fc.stringMatching(/^[^\0]{1,8}$/);
  const aPlace = fc.record({
    key: text,
    offset: fc.nat(),
    rowFormat: fc.constantFrom('binary' as const, undefined),
    schema: text,
    name: text,
  });
  fc.assert(
    fc.property(aPlace, aPlace, (one, other) => {
      const sealed = seal(key, frameContext(one, one), Buffer.from('row\n'));
      expect(open(key, frameContext(one, one), sealed).toString()).toBe('row\n');
      const isSame = JSON.stringify(one) === JSON.stringify(other);
      if (!isSame) expect(() => open(key, frameContext(other, other), sealed)).toThrow();
    }),
  );
});

test('the key of another set or content opens nothing', () => {
  const setKey = randomBytes(32);
  const sealed = seal(contentKey(setKey, '20260131120000', 0), place, Buffer.from('row\n'));
  for (const other of [
    contentKey(setKey, '20260131120000', 1),
    contentKey(setKey, '20260131120001', 0),
    contentKey(randomBytes(32), '20260131120000', 0),
    setKey,
  ])
    expect(() => open(other, place, sealed)).toThrow(/cannot be decrypted/);
});

test('the chunks of an object cannot change places', () => {
  const sealed = seal(key, place, randomBytes(3 * CHUNK_BYTES));
  const chunk = (number: number) =>
    sealed.subarray(32 + number * (CHUNK_BYTES + 16), 32 + (number + 1) * (CHUNK_BYTES + 16));
  const salt = sealed.subarray(0, 32);
  for (const order of [[1, 0, 2], [0, 2, 1], [0, 2], [0, 0, 2], [2]])
    expect(() => open(key, place, Buffer.concat([salt, ...order.map(chunk)]))).toThrow();
});

test('the same bytes never give the same sealed object', () => {
  const plain = Buffer.from('row\n');
  const seen = new Set(Array.from({ length: 100 }, () => seal(key, place, plain).toString('hex')));
  expect(seen.size).toBe(100);
});
