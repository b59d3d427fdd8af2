import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { nextRun } from './schedule.ts';

test.each([
  [60, '2026-11-22T22:46:35.000Z', '2026-11-22T23:00:00.000Z'],
  [60, '2026-11-22T23:00:00.000Z', '2026-11-23T00:00:00.000Z'],
  [1440, '2026-11-22T00:00:00.001Z', '2026-11-23T00:00:00.000Z'],
  [15, '2026-11-22T23:59:59.999Z', '2026-11-23T00:00:00.000Z'],
])('with an interval of %i minutes, the next run after %s is at %s', (every, now, next) => {
  expect(new Date(nextRun(Date.parse(now), every)).toISOString()).toBe(next);
});

test('the next run is later, at most one interval away, and does not depend on the time of the call', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4e12 }),
      fc.integer({ min: 1, max: 10_080 }),
      (now, every) => {
        const next = nextRun(now, every);
        expect(next).toBeGreaterThan(now);
        expect(next - now).toBeLessThanOrEqual(every * 60_000);
        expect(nextRun(next - 1, every)).toBe(next);
      },
    ),
  );
});
