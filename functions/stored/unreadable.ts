import { isStowageError, type StowageError } from '../../backup-set/base/errors.ts';
import { type Key, parseKey } from '../../backup-set/base/keys.ts';
import { WITHHELD } from '../../storage/errors.ts';
import type { Deps, Unreadable } from '../deps.ts';

/**
 * Errors that concern one object: the store withholds it, or it is no valid document. With others,
 * such as an outage, the whole work is tried again.
 */
const OF_ONE_OBJECT = [...WITHHELD, 'set/unreadable', 'storage/too-large'] as const;

/** Whether a failure is about one object, so that the work on the others can go on. */
export function isOfOneObject(error: unknown): error is StowageError {
  return isStowageError(error, ...OF_ONE_OBJECT);
}

/** Whether the store does not give an object away. It may say anything, or be valid later. */
export function isWithheld(error: unknown): error is StowageError {
  return isStowageError(error, ...WITHHELD);
}

/** Logs that the work goes on without an object, and tells the caller. */
export function noteUnreadable(
  deps: Pick<Deps, 'log' | 'onUnreadable'>,
  error: StowageError,
  what: string,
): Unreadable {
  const { code, message } = error;
  const { object = '' } = error.where;
  deps.log.warn({ err: error, object }, `${what}: ${message}`);
  const found = { object, code, message };
  deps.onUnreadable?.(found);
  return found;
}

/**
 * Work on one of several things. An object of it that cannot be read is noted, and does not end the
 * work on the others.
 */
export async function apart<Result>(
  deps: Pick<Deps, 'log' | 'onUnreadable'>,
  what: string,
  work: () => Promise<Result>,
  otherwise: (found: Unreadable) => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!isOfOneObject(error)) throw error;
    return otherwise(noteUnreadable(deps, error, what));
  }
}

/** The same dependencies, and which objects of one kind could not be read with them. */
export function watchingFor(given: Deps, kind: Key['kind']) {
  const met: Unreadable[] = [];
  const deps: Deps = {
    ...given,
    onUnreadable(one) {
      if (parseKey(one.object)?.kind === kind) met.push(one);
      given.onUnreadable?.(one);
    },
  };
  return { deps, found: (): readonly Unreadable[] => met };
}
