import { expect, test } from 'vitest';
import { estimateFrom } from './earlier.ts';

const restore = (bytes: number, ms: number) => ({ id: '20261122202555544-1619ed3c', bytes, ms });

test('the largest of the last restores gives the expected time', () => {
  const earlier = [restore(1_000, 4_000), restore(1_000_000, 10_000)];
  expect(estimateFrom(earlier, 3_000_000)).toEqual({ ms: 30_000, from: earlier[1] });
  expect(estimateFrom(earlier, 10)).toMatchObject({ ms: 1_000 });
});

test.each([
  [[], 'no earlier restore of this root'],
  [[restore(0, 10)], 'has loaded rows'],
  [[restore(1_000, 4_000)], 'were much smaller'],
])('without a restore of a similar size the time is not known: %j', (earlier, why) => {
  expect(estimateFrom(earlier, 1_000_000)).toContain(why);
});
