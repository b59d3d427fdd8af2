import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { furthest } from './sequences.ts';

const value = (digits: string, called = true) => ({
  schema: 's',
  name: 'q',
  value: digits,
  called,
});

test.each([
  [[value('5'), value('9'), value('7')], false, value('9')],
  [[value('-5'), value('-9'), value('-7')], true, value('-9')],
  [
    [value('9223372036854775806'), value('9223372036854775807')],
    false,
    value('9223372036854775807'),
  ],
  [[value('1', false), value('1')], false, value('1')],
  [[value('1'), value('1', false)], true, value('1')],
  [[value('1', false), value('2', false)], false, value('2', false)],
])('of %j the furthest value, counting down: %j, is %j', (values, isDescending, expected) => {
  expect(furthest(values, isDescending)).toEqual(expected);
});

test('no content has drawn a value beyond the furthest one, in any order of the contents', () => {
  const one = fc.record({
    value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
    called: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      (list, isDescending) => {
        const values = list.map((each) => ({ schema: 's', name: 'q', ...each }));
        const found = furthest(values, isDescending);
        expect(values).toContainEqual(found);
        for (const each of values) {
          const ahead = BigInt(each.value) - BigInt(found.value);
          expect(isDescending ? -ahead : ahead).toBeLessThanOrEqual(0n);
          if (ahead === 0n && each.called) expect(found.called).toBe(true);
        }
      },
    ),
  );
});
