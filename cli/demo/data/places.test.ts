import { describe, expect, test } from 'vitest';
import { copyLine } from './copy-text.ts';
import { classOf, placesForShard, shardOf } from './places.ts';
import { demoSchema } from './schema.ts';

async function linesOf(rows: AsyncIterable<Buffer>): Promise<string[]> {
  const all: Buffer[] = [];
  for await (const chunk of rows) all.push(chunk);
  return Buffer.concat(all).toString().trimEnd().split('\n');
}

describe('the demo data', () => {
  test('every place is on exactly one shard, and the shards are about equally large', async () => {
    const shards = await Promise.all(
      [0, 1, 2].map((content) => linesOf(placesForShard(content, 3))),
    );
    const ids = shards.flat().map((line) => line.split('\t')[0]);
    expect(ids.length).toBeGreaterThan(130_000);
    expect(new Set(ids).size).toBe(ids.length);
    for (const shard of shards) expect(shard.length / ids.length).toBeCloseTo(1 / 3, 1);
  });

  test('shardOf gives a number below the number of shards for every id', () => {
    for (const id of [0, 1, -1, 2 ** 31, 2 ** 40, 12_345]) {
      expect([0, 1, 2, 3]).toContain(shardOf(id, 4));
      expect(shardOf(id, 1)).toBe(0);
    }
  });

  test('classOf gives the class of a population', () => {
    expect([0, 999, 1_000, 99_999, 100_000, 30_000_000].map(classOf)).toEqual([
      'hamlet',
      'hamlet',
      'village',
      'town',
      'city',
      'metropolis',
    ]);
  });

  test('the schema is the same text each time', () => {
    expect(demoSchema()).toBe(demoSchema());
  });
});

test('copyLine escapes what would end a field, a row or the data', () => {
  expect(copyLine([1, null, '', '\\.', 'a\tb\nc\rd'])).toBe('1\t\\N\t\t\\\\.\ta\\tb\\nc\\rd\n');
  expect(copyLine([['a"b', 'c\\d', '']])).toBe('{"a\\\\"b","c\\\\\\\\d",""}\n');
});
