import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fileContext } from './context.ts';
import { contentKey } from './derive.ts';
import { type ByteRange, openRanges } from './open-range.ts';
import { CHUNK_BYTES, SALT_BYTES, seal, TAG_BYTES } from './seal.ts';

const key = contentKey(Buffer.alloc(32, 7), '20260131120000', 3);
const context = fileContext('sets/20260131/20260131120000/data/3/gpbackup_3_20260131120000');
const plain = randomBytes(3 * CHUNK_BYTES + 100);
const stored = seal(key, context, plain);

/** The object in a store, and which of its bytes were read. */
function objectOf(bytes: Buffer) {
  const read: ByteRange[] = [];
  async function* get({ offset, length }: ByteRange) {
    read.push({ offset, length });
    const wanted = bytes.subarray(offset, offset + length);
    for (let at = 0; at < wanted.length; at += 300_001)
      yield await Promise.resolve(wanted.subarray(at, at + 300_001));
  }
  return { read, object: { key, context, bytes: bytes.length, get } };
}

const opened = async (bytes: Buffer, ranges: readonly ByteRange[]) =>
  Buffer.concat(await Array.fromAsync(openRanges(objectOf(bytes).object, ranges)));

test('ranges of a sealed object are those of its plain text', async () => {
  const bound = fc.nat({ max: plain.length });
  const range = fc.tuple(bound, bound).map(([one, other]) => {
    const offset = Math.min(one, other);
    return { offset, length: Math.max(one, other) - offset };
  });
  await fc.assert(
    fc.asyncProperty(fc.array(range, { maxLength: 4 }), async (ranges) => {
      const expected = ranges.map(({ offset, length }) => plain.subarray(offset, offset + length));
      expect((await opened(stored, ranges)).equals(Buffer.concat(expected))).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('a range reads the salt and the chunks in which it lies, and ends with the object', async () => {
  const { object, read } = objectOf(stored);
  const ranges = [
    { offset: CHUNK_BYTES + 10, length: 20 },
    { offset: CHUNK_BYTES + 50, length: CHUNK_BYTES },
    { offset: plain.length - 5, length: 100 },
    { offset: plain.length + 5, length: 100 },
  ];
  const bytes = Buffer.concat(await Array.fromAsync(openRanges(object, ranges)));
  expect(bytes.length).toBe(20 + CHUNK_BYTES + 5);
  const chunk = CHUNK_BYTES + TAG_BYTES;
  expect(read).toEqual([
    { offset: 0, length: SALT_BYTES },
    { offset: SALT_BYTES + chunk, length: chunk },
    { offset: SALT_BYTES + 2 * chunk, length: chunk },
    { offset: SALT_BYTES + 3 * chunk, length: 100 + TAG_BYTES },
  ]);
});

test('a chunk that was changed, cut off, or put in the place of another is refused', async () => {
  const range = [{ offset: CHUNK_BYTES + 1, length: 1 }];
  const at = SALT_BYTES + CHUNK_BYTES + TAG_BYTES;
  const changed = Buffer.from(stored);
  changed[at + 5] = (changed[at + 5] ?? 0) ^ 1;
  const moved = Buffer.from(stored);
  moved.copyWithin(at, SALT_BYTES, at);
  for (const wrong of [changed, moved, stored.subarray(0, at + 9)])
    await expect(opened(wrong, range)).rejects.toMatchObject({ code: 'set/damaged' });
  // Whole in itself, but more chunks must follow: an object that ends here was cut.
  const cut = stored.subarray(0, at);
  await expect(opened(cut, [{ offset: 0, length: 9 }])).rejects.toMatchObject({
    code: 'set/damaged',
  });
});
