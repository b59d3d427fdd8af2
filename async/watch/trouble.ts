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
  /** @returns the trouble that has ended; undefined when there was none. */
  succeeded(): Trouble | undefined;
  now(): Trouble | undefined;
}

export function watchTrouble(clock: () => Date): TroubleWatch {
  let trouble: Trouble | undefined;
  return {
    failed(error) {
      const { code } = asStowageError(error);
      const isNew = trouble?.code !== code;
      trouble = { code, since: trouble?.since ?? clock(), times: (trouble?.times ?? 0) + 1 };
      return isNew;
    },
    succeeded() {
      const ended = trouble;
      trouble = undefined;
      return ended;
    },
    now: () => trouble,
  };
}
