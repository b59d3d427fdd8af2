import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LEVEL_MAX, LEVEL_MIN, type Level, levelOf, nextLevel } from './level.ts';

describe('nextLevel', () => {
  it('rises while the workers wait for storage, up to its bound', () => {
    let level = LEVEL_MIN;
    for (let window = 0; window < 20; window++)
      level = nextLevel(level, { compression: 0, storage: 0.8 });
    expect(level).toBe(LEVEL_MAX);
  });

  it('falls when compression is waited for, also when storage is', () => {
    expect(nextLevel(5, { compression: 0.4, storage: 0.5 })).toBe(4);
  });

  it('spends no CPU of the database host where the network is not waited for', () => {
    expect(nextLevel(5, { compression: 0, storage: 0.01 })).toBe(4);
    expect(nextLevel(LEVEL_MIN, { compression: 0, storage: 0 })).toBe(LEVEL_MIN);
  });

  it('stays where the network is waited for a little', () => {
    expect(nextLevel(5, { compression: 0.1, storage: 0.2 })).toBe(5);
  });

  it('moves by one at most, within its bounds', () => {
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

/** A clock that moves only while something is waited for, or when told. */
function world(workers: number) {
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
  it('keeps a level that was asked for', () => {
    expect(levelOf(7, 4, () => 0).current()).toBe(7);
  });

  it('rises with a slow network and falls again with a fast one', async () => {
    const { clock, level, wait } = world(1);
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

  it('takes one worker of four that waits for no bottleneck', async () => {
    const { level, wait } = world(4);
    await wait('storage', 1_000);
    expect(level.current()).toBe(LEVEL_MIN);
  });

  it('stays at the lowest level beside a slow database', () => {
    const { clock, level } = world(2);
    for (let window = 0; window < 10; window++) {
      clock.ms += 1_000;
      expect(level.current()).toBe(LEVEL_MIN);
    }
  });

  it('passes on what it waited for, also a failure', async () => {
    const { level } = world(1);
    expect(await level.waiting('storage', Promise.resolve(3))).toBe(3);
    await expect(level.waiting('compression', Promise.reject(new Error('gone')))).rejects.toThrow(
      'gone',
    );
  });
});
