import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runsOf } from './runs.ts';

const piece = fc.record({
  key: fc.constantFrom('a', 'b'),
  gap: fc.oneof(fc.constant(0), fc.integer({ min: -5, max: 20 })),
  length: fc.integer({ min: 0, max: 400 }),
  size: fc.integer({ min: 0, max: 300 }),
});
const LIMITS = { lengthMax: 1_000, sizeMax: 600 };
const isAlone = ({ size }: { size: number }) => size > 250;

describe('runsOf', () => {
  it('covers each piece once, in order, by bounded reads of one object with at most 5% gaps', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (parts) => {
        let end = 0;
        const wanted = parts.map(({ gap, ...rest }) => {
          const made = { ...rest, offset: Math.max(end + gap, 0) };
          end = made.offset + made.length;
          return made;
        });
        const runs = runsOf(wanted, { ...LIMITS, sizeOf: ({ size }) => size, isAlone });
        expect(runs.flatMap((run) => run.parts)).toEqual(wanted);
        for (const run of runs) {
          let at = run.offset;
          for (const part of run.parts) {
            expect(part.key).toBe(run.key);
            expect(part.offset).toBeGreaterThanOrEqual(at);
            at = part.offset + part.length;
          }
          expect(run.parts[0]?.offset).toBe(run.offset);
          expect(at).toBe(run.offset + run.length);
          const sum = (field: 'length' | 'size') =>
            run.parts.reduce((all, part) => all + part[field], 0);
          expect(run.length).toBeLessThanOrEqual(sum('length') * 1.05);
          if (run.parts.length === 1) continue;
          expect(run.length).toBeLessThanOrEqual(LIMITS.lengthMax);
          expect(sum('size')).toBeLessThanOrEqual(LIMITS.sizeMax);
          expect(run.parts.some(isAlone)).toBe(false);
        }
      }),
    );
  });

  it('reads a thousand neighbours by one request, also across small gaps', () => {
    const neighbours = (gap: number) =>
      Array.from({ length: 1_000 }, (_, n) => ({ key: 'a', offset: n * (100 + gap), length: 100 }));
    expect(runsOf(neighbours(0), { lengthMax: 1e9 })).toHaveLength(1);
    expect(runsOf(neighbours(5), { lengthMax: 1e9 })).toHaveLength(1);
    expect(runsOf(neighbours(11), { lengthMax: 1e9 })).toHaveLength(1_000);
  });
});
