import { expect, test } from 'vitest';
import { placeOf } from './input.ts';

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
