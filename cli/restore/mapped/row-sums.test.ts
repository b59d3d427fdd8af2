import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { sumOfRows } from './row-sums.ts';

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const rows = fc.array(
  fc.string().map((text) => text.replaceAll('\n', ' ')),
  { maxLength: 20 },
);
const textOf = (list: readonly string[]) => Buffer.from(list.map((row) => `${row}\n`).join(''));

test('the same rows have the same sum in any order and in chunks of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      rows.chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length }),
          fc.integer({ min: 1, max: 30 }),
        ),
      ),
      async ([list, shuffled, size]) => {
        const sum = await sumOfRows(inChunks(textOf(list), size));
        expect(sum.rows).toBe(list.length);
        expect(await sumOfRows(inChunks(textOf(shuffled), 1000))).toEqual(sum);
      },
    ),
  );
});

test('other rows have another sum, also as many and of the same bytes', async () => {
  const sumOf = async (...list: string[]) => (await sumOfRows(inChunks(textOf(list), 7))).sum;
  const sum = await sumOf('a\t1', 'b\t2');
  expect(await sumOf('a\t2', 'b\t1')).not.toBe(sum);
  expect(await sumOf('a\t1', 'a\t1')).not.toBe(sum);
});
