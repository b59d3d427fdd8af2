/** Who keeps the rows waiting. */
export type WaitCause = 'compression' | 'storage';

/** The compression level of the frames that a process writes, and what it is chosen by. */
export interface Level {
  current(): number;
  /** Waits for something, and counts the time as spent on the cause. */
  waiting<T>(cause: WaitCause, done: Promise<T>): Promise<T>;
}

/** zstd level 1 is as fast as a server's COPY here; past 9 a level costs minutes per gigabyte for a few per cent. */
export const LEVEL_MIN = 1;
export const LEVEL_MAX = 9;

/** How long is looked at before the level moves by one: some frames of every worker, and several parts. */
const WINDOW_MS = 1_000;
/** Waiting for storage for more of the time than this, the workers have time for a smaller result. */
const STORAGE_SHARE_HIGH = 0.3;
/** Below this the network is not what the backup waits for, and CPU of a database's host is not spent on it. */
const STORAGE_SHARE_LOW = 0.05;
/** Waiting for compression for more of the time than this, it is what holds up the rows. */
const COMPRESSION_SHARE_HIGH = 0.2;

/** What a job asks for. */
export function levelOf(wanted: number | 'auto', workers: number, now: () => number): Level {
  return wanted === 'auto' ? autoLevel(workers, now) : fixedLevel(wanted);
}

/** Always the same level: what the user asked for. */
function fixedLevel(level: number): Level {
  return { current: () => level, waiting: (_, done) => done };
}

/**
 * Picks the level by who waits for whom: when the workers wait for storage it rises, until they wait for it less; when
 * they wait for compression, or hardly for storage, it falls. While the database is the slowest it stays at the lowest.
 * @param workers that share the level; each can wait all the time.
 * @param now a clock in milliseconds that never goes back.
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
        // Of a wait that began in an earlier window only what lies in this one.
        waited[cause] += now() - Math.max(start, windowStart);
      }
    },
  };
}

/** The level after one window. @param share of the workers' time that was spent waiting for each cause, 0 to 1. */
export function nextLevel(level: number, share: Readonly<Record<WaitCause, number>>): number {
  if (share.compression > COMPRESSION_SHARE_HIGH) return Math.max(level - 1, LEVEL_MIN);
  if (share.storage > STORAGE_SHARE_HIGH) return Math.min(level + 1, LEVEL_MAX);
  if (share.storage < STORAGE_SHARE_LOW) return Math.max(level - 1, LEVEL_MIN);
  return level;
}
