import { asStowageError, type ErrorCode } from '../../backup-set/base/errors.ts';

/** A failure that repeats. */
export interface Trouble {
  readonly code: ErrorCode;
  /** When it failed first after the last success. */
  readonly since: Date;
  readonly times: number;
}

/** What a program does again and again, for months: it logs a change, and no repetition. */
export interface TroubleWatch {
  /** @returns true when the code differs from the one before, or when there was no trouble. */
  failed(error: unknown): boolean;
  /**
   * @param begunMs when it began, by `performance.now()`. A success that began before the last
   * failure does not end the trouble: it may be the older answer.
   * @returns the trouble that has ended; undefined when there was none.
   */
  succeeded(begunMs?: number): Trouble | undefined;
  now(): Trouble | undefined;
}

export function watchTrouble(
  clock: () => Date,
  elapsedMs: () => number = () => performance.now(),
): TroubleWatch {
  let trouble: Trouble | undefined;
  let failedMs = Number.NEGATIVE_INFINITY;
  return {
    failed(error) {
      const { code } = asStowageError(error);
      const isNew = trouble?.code !== code;
      failedMs = elapsedMs();
      trouble = { code, since: trouble?.since ?? clock(), times: (trouble?.times ?? 0) + 1 };
      return isNew;
    },
    succeeded(begunMs = Number.POSITIVE_INFINITY) {
      if (begunMs < failedMs) return undefined;
      const ended = trouble;
      trouble = undefined;
      return ended;
    },
    now: () => trouble,
  };
}
