import { isStowageError } from '../../backup-set/base/errors.ts';
import { READING_MS_MAX } from '../../backup-set/retention/state.ts';
import type { Deps } from '../deps.ts';
import { endReading, requireLiving, requireStillLiving, writeMark } from './marks.ts';

/** Several marks within the time after which a reader counts as dead. */
const RENEW_MS = READING_MS_MAX / 6;

/**
 * Runs `work`, which reads or writes a set and has no document of its own that says so. While it
 * runs, expiry removes nothing of the set. Where marks cannot be written, as in a root that is
 * read-only, only the grace of a tombstone protects the work.
 * @param look what is looked for after the mark; `requireLiving` where the set may be incomplete.
 * @throws StowageError `set/expired` when the set has a tombstone.
 */
export async function whileReading<T>(
  deps: Deps,
  timestamp: string,
  why: string,
  work: () => Promise<T>,
  look = requireStillLiving,
): Promise<T> {
  // Looked at before, so that a set that has expired gets no mark.
  await requireLiving(deps, timestamp);
  const instants: string[] = [];
  const mark = async () => {
    instants.push(await writeMark(deps, timestamp, 'reading', why));
  };
  const isMarked = await attempt(deps, timestamp, mark);
  if (isMarked) await look(deps, timestamp);
  const renew = setInterval(() => void attempt(deps, timestamp, mark), RENEW_MS);
  renew.unref();
  try {
    return await work();
  } finally {
    clearInterval(renew);
    // Also after an interruption: the mark would protect the set for hours.
    const ending = { ...deps, signal: undefined };
    await attempt(deps, timestamp, async () => {
      for (const instant of instants) await endReading(ending, timestamp, instant);
    });
  }
}

/** @returns false after a failure, which is logged: a reader goes on without a mark. */
async function attempt(deps: Deps, set: string, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (isStowageError(error, 'interrupted')) throw error;
    deps.log.warn({ err: error, set }, 'no mark of a reader: expiry does not see it');
    return false;
  }
}
