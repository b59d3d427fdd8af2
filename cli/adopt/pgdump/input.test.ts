import { expect, test } from 'vitest';
import { inputOfStdin, placeOf } from './input.ts';

test('an interruption ends the reading of a standard input that is silent', async () => {
  const stop = new AbortController();
  async function* silent() {
    yield Buffer.from('--\n');
    await Promise.withResolvers<void>().promise;
  }
  const chunks = inputOfStdin(silent(), stop.signal).open()[Symbol.asyncIterator]();
  expect((await chunks.next()).done).toBe(false);
  const next = chunks.next();
  stop.abort();
  await expect(next).rejects.toThrow('the reading of standard input was interrupted');
}, 2_000);

test.each([
  ['shop.dump', '.', 'shop.dump'],
  ['/shop.dump', '/', 'shop.dump'],
  ['/dumps/shop.dir/', '/dumps', 'shop.dir'],
  ['sdw1:/shop.dump', 'sdw1:/', 'shop.dump'],
  ['sdw1:/dumps/shop.dump', 'sdw1:/dumps', 'shop.dump'],
  ['s3://bucket/shop.dump', 's3://bucket', 'shop.dump'],
  ['s3://bucket/a/shop.dir/', 's3://bucket/a', 'shop.dir'],
])('the dump %s is in %s', (path, parent, name) => {
  expect(placeOf(path)).toEqual({ parent, name });
});

test.each(['/', 's3://bucket', 's3://bucket/', 's3://', 'sdw1:/'])(
  'the place %s is refused, because it names no file',
  (path) => {
    expect(() => placeOf(path)).toThrow('names no file');
  },
);
