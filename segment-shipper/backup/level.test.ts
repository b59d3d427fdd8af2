import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEVEL_MAX, LEVEL_MIN, type Level, levelOf, nextLevel } from './level.ts';

describe('nextLevel', () => {
  it('rises while the workers wait for storage, up to the highest level', () => {
    let level = LEVEL_MIN;
    for (let window = 0; window < 20; window++)
      level = nextLevel(level, { compression: 0, storage: 0.8 });
    expect(level).toBe(LEVEL_MAX);
  });

  it('falls when the workers wait for compression, also when they wait for storage too', () => {
    expect(nextLevel(5, { compression: 0.4, storage: 0.5 })).toBe(4);
  });

  it('falls when the workers hardly ever wait for storage', () => {
    expect(nextLevel(5, { compression: 0, storage: 0.01 })).toBe(4);
    expect(nextLevel(LEVEL_MIN, { compression: 0, storage: 0 })).toBe(LEVEL_MIN);
  });

  it('stays the same when the workers wait for storage a little', () => {
    expect(nextLevel(5, { compression: 0.1, storage: 0.2 })).toBe(5);
  });

  it('changes by at most one, and stays within its limits', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.integer({ min: LEVEL_MIN, max: LEVEL_MAX }),
        share,
        share,
        (level, compression, storage) => {
          const next = nextLevel(level, { compression, storage });
          expect(Math.abs(next - level)).toBeLessThanOrEqual(1);
          expect(next).toBeGreaterThanOrEqual(LEVEL_MIN);
          expect(next).toBeLessThanOrEqual(LEVEL_MAX);
        },
      ),
    );
  });
});

/** A level with a clock that advances only when the test says so. */
function levelWithClock(workers: number) {
  const clock = { ms: 0 };
  const level = levelOf('auto', workers, () => clock.ms);
  const wait = async (cause: Parameters<Level['waiting']>[0], ms: number) => {
    const done = Promise.withResolvers<void>();
    const waited = level.waiting(cause, done.promise);
    clock.ms += ms;
    done.resolve();
    await waited;
  };
  return { clock, level, wait };
}

describe('levelOf', () => {
  it('keeps the level that the job sets', () => {
    expect(levelOf(7, 4, () => 0).current()).toBe(7);
  });

  it('rises with a slow network and falls again with a fast network', async () => {
    const { clock, level, wait } = levelWithClock(1);
    for (let window = 0; window < 4; window++) {
      await wait('storage', 900);
      clock.ms += 100;
      level.current();
    }
    expect(level.current()).toBe(LEVEL_MIN + 4);
    for (let window = 0; window < 3; window++) {
      clock.ms += 1_000;
      level.current();
    }
    expect(level.current()).toBe(LEVEL_MIN + 1);
  });

  it('does not rise when only one of four workers waits for storage', async () => {
    const { level, wait } = levelWithClock(4);
    await wait('storage', 1_000);
    expect(level.current()).toBe(LEVEL_MIN);
  });

  it('stays at the lowest level when the database is the slowest part', () => {
    const { clock, level } = levelWithClock(2);
    for (let window = 0; window < 10; window++) {
      clock.ms += 1_000;
      expect(level.current()).toBe(LEVEL_MIN);
    }
  });

  it('passes on the result or the failure of what it waited for', async () => {
    const { level } = levelWithClock(1);
    expect(await level.waiting('storage', Promise.resolve(3))).toBe(3);
    await expect(level.waiting('compression', Promise.reject(new Error('gone')))).rejects.toThrow(
      'gone',
    );
  });
});
