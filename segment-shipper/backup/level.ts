/** What a worker waits for. */
export type WaitCause = 'compression' | 'storage';

/** The compression level of the frames that a process writes. */
export interface Level {
  current(): number;
  /** Waits for `done`, and counts the time towards the cause. */
  waiting<T>(cause: WaitCause, done: Promise<T>): Promise<T>;
}

/**
 * zstd level 1 is as fast as a server's COPY here. Above 9, each level costs minutes per gigabyte
 * and saves a few per cent.
 */
export const LEVEL_MIN = 1;
export const LEVEL_MAX = 9;

/** The level changes by at most one per window. A window covers some frames of every worker. */
const WINDOW_MS = 1_000;
/** When workers wait for storage for a larger share of the time, they can compress more. */
const STORAGE_SHARE_HIGH = 0.3;
/** Below this, storage is no bottleneck, and the CPU of a database host is not spent on it. */
const STORAGE_SHARE_LOW = 0.05;
/** When workers wait for compression for a larger share of the time, it is the bottleneck. */
const COMPRESSION_SHARE_HIGH = 0.2;

/** The level that a job sets. */
export function levelOf(wanted: number | 'auto', workers: number, now: () => number): Level {
  return wanted === 'auto' ? autoLevel(workers, now) : fixedLevel(wanted);
}

function fixedLevel(level: number): Level {
  return { current: () => level, waiting: (_, done) => done };
}

/**
 * Chooses the level by what the workers wait for. It rises while they wait for storage. It falls
 * when they wait for compression, or hardly ever for storage. While the database is the slowest
 * part, it stays at the lowest level.
 * @param workers number of workers that share the level; all may wait at the same time.
 * @param now a monotonic clock in milliseconds.
 */
export function autoLevel(workers: number, now: () => number): Level {
  let level = LEVEL_MIN;
  let windowStart = now();
  let waited = { compression: 0, storage: 0 };
  return {
    current() {
      const elapsed = now() - windowStart;
      if (elapsed >= WINDOW_MS) {
        const whole = elapsed * workers;
        level = nextLevel(level, {
          compression: waited.compression / whole,
          storage: waited.storage / whole,
        });
        windowStart = now();
        waited = { compression: 0, storage: 0 };
      }
      return level;
    },
    async waiting(cause, done) {
      const start = now();
      try {
        return await done;
      } finally {
        // A wait may have begun in an earlier window: only the part in this window counts.
        waited[cause] += now() - Math.max(start, windowStart);
      }
    },
  };
}

/** The level after one window. @param share of the workers' time spent on each cause, 0 to 1. */
export function nextLevel(level: number, share: Readonly<Record<WaitCause, number>>): number {
  if (share.compression > COMPRESSION_SHARE_HIGH) return Math.max(level - 1, LEVEL_MIN);
  if (share.storage > STORAGE_SHARE_HIGH) return Math.min(level + 1, LEVEL_MAX);
  if (share.storage < STORAGE_SHARE_LOW) return Math.max(level - 1, LEVEL_MIN);
  return level;
}
