import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { partWindow } from './window.ts';

describe('partWindow', () => {
  it('grows by one for each round of parts that arrived at the first attempt, up to its bound', () => {
    const window = partWindow(4);
    const sizes = Array.from({ length: 12 }, () => {
      window.arrived(1);
      return window.size;
    });
    expect(sizes).toEqual([2, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4]);
  });

  it('halves when a part had to be sent again, and is at least 1', () => {
    const window = partWindow(16);
    for (let part = 0; part < 200; part++) window.arrived(1);
    expect(window.size).toBe(16);
    const sizes = Array.from({ length: 6 }, () => {
      window.arrived(2);
      return window.size;
    });
    expect(sizes).toEqual([8, 4, 2, 1, 1, 1]);
  });

  it('is a whole number between 1 and its bound after any number of attempts', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 16 }),
        fc.array(fc.integer({ min: 1, max: 6 })),
        (max, attempts) => {
          const window = partWindow(max);
          for (const each of attempts) {
            window.arrived(each);
            expect(Number.isInteger(window.size) && window.size >= 1 && window.size <= max).toBe(
              true,
            );
          }
        },
      ),
    );
  });
});
