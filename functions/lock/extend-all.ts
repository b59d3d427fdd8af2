import { eachInFlight } from '../../async/each-in-flight.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import type { ObjectLock, Retention } from '../../storage/lock.ts';
import type { CallOptions } from '../../storage/store.ts';

/** One or two small requests each: more would not be faster on any server of the matrix. */
const LOCKS_IN_FLIGHT = 16;

/** Errors that concern one object. With others, such as an outage, the whole job is tried again. */
const OF_ONE_OBJECT = ['storage/denied', 'storage/not-found', 'storage/invalid'] as const;

export interface Extended {
  readonly objects: number;
  /** Of these, the objects whose retention was shorter. */
  readonly extended: number;
  readonly problems: readonly Problem[];
}

/** Extends the retention of many objects. An object that it cannot extend is a problem. */
export async function extendAll(
  lock: ObjectLock,
  keys: AsyncIterable<string> | Iterable<string>,
  wanted: Retention,
  options: CallOptions,
): Promise<Extended> {
  const found = { objects: 0, extended: 0, problems: [] as Problem[] };
  await eachInFlight(keys, LOCKS_IN_FLIGHT, async (object) => {
    found.objects += 1;
    try {
      if (await lock.extendRetention(object, wanted, options)) found.extended += 1;
    } catch (error) {
      if (!OF_ONE_OBJECT.some((code) => isStowageError(error, code))) throw error;
      found.problems.push({ code: 'lock-not-extended', object, message: messageOf(error) });
    }
  });
  return found;
}
