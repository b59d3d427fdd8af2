import { StowageError } from '../../../../backup-set/base/errors.ts';
import { within } from './history.ts';

/** Marks, locks and verdicts of all sets are listed again when a page asks, at most so often. */
const REFRESH_MS = 15_000;
/** A root that failed is not asked again before this time, however many pages ask. */
const RETRY_MS = 5_000;
/** A page waits a minute; an answer with the reason must come before. */
const FIRST_ANSWER_MS = 20_000;

export interface RefreshOptions {
  /** Resolves when the names of the sets are known: before, a list would look empty. */
  readonly begun: Promise<void>;
  readonly url: string;
  /** How long a call waits for a look that goes on. */
  readonly answerMs: number;
}

/**
 * Looks again when the last look is old. Calls share the look that goes on. A look that fails after
 * its callers were answered is reported by the next calls, until one succeeds.
 * @returns what throws the failure of the last look, or `storage/unavailable` when there is none.
 */
export function refreshedWhenOld(
  look: () => Promise<void>,
  { begun, url, answerMs }: RefreshOptions,
): () => Promise<void> {
  let looking: Promise<void> | undefined;
  let endedAt = Number.NEGATIVE_INFINITY;
  let failed: { readonly error: unknown } | undefined;

  async function lookNow(): Promise<void> {
    try {
      await look();
      failed = undefined;
    } catch (error) {
      failed = { error };
      throw error;
    } finally {
      endedAt = performance.now();
      looking = undefined;
    }
  }

  return async () => {
    const sinceMs = performance.now() - endedAt;
    if (looking === undefined && failed !== undefined && sinceMs < RETRY_MS) throw failed.error;
    if (looking === undefined && failed === undefined && sinceMs < REFRESH_MS) return;
    looking ??= lookNow();
    const present = looking;
    if (!(await within(Promise.race([present, begun]), FIRST_ANSWER_MS)))
      throw new StowageError(
        'storage/unavailable',
        `${url} has not answered for ${FIRST_ANSWER_MS / 1000} s`,
      );
    await within(present, answerMs);
    if (failed !== undefined) throw failed.error;
  };
}
