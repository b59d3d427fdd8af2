import { eachInFlight } from '../../async/each-in-flight.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ObjectLock } from '../../storage/lock.ts';
import type { Deps } from '../deps.ts';
import { gatherFacts } from '../retention/facts.ts';
import { neededPacksOf } from '../retention/needed.ts';
import { lockConfiguration } from './configuration.ts';
import { olderObjects } from './older-objects.ts';

const HOLDS_IN_FLIGHT = 16;

/**
 * Sets a legal hold on every object of a held set and on those of older sets that it uses,
 * where the bucket has Object Lock. @returns how many; undefined where it has none.
 * @throws StowageError `set/not-locked` naming the first object that it could not hold.
 */
export async function setLegalHolds(deps: Deps, timestamp: string): Promise<number | undefined> {
  const lock = await lockIfOn(deps, `set ${timestamp} gets no legal hold`);
  if (lock === undefined) return undefined;
  return change(deps, lock, timestamp, { isOn: true, keys: objectsOf(deps, timestamp) });
}

/**
 * Lifts the legal holds of a released set, except of objects that another held set needs.
 * @returns how many; undefined where the bucket has no Object Lock.
 */
export async function liftLegalHolds(deps: Deps, timestamp: string): Promise<number | undefined> {
  const lock = await lockIfOn(deps, `the legal hold of set ${timestamp} is not lifted`);
  if (lock === undefined) return undefined;
  const facts = await gatherFacts(deps);
  const held = new Map(
    [...facts].filter(([other, { retention }]) => other !== timestamp && retention.held),
  );
  const going = new Set([...facts.keys()].filter((other) => !held.has(other)));
  const needed = await neededPacksOf(deps, held, going);
  const isFree = (text: string) => {
    const key = parseKey(text);
    const of = key !== undefined && 'timestamp' in key ? key.timestamp : timestamp;
    return !held.has(of) && !needed.isNeeded(text);
  };
  const keys = objectsOf(deps, timestamp, isFree);
  return change(deps, lock, timestamp, { isOn: false, keys });
}

async function lockIfOn(deps: Deps, otherwise: string): Promise<ObjectLock | undefined> {
  const { lock } = deps.store;
  const isOn = lock !== undefined && (await lockConfiguration(deps, otherwise)) !== undefined;
  return isOn ? lock : undefined;
}

async function* objectsOf(
  deps: Deps,
  timestamp: string,
  isWanted: (key: string) => boolean = () => true,
): AsyncGenerator<string> {
  for await (const { key } of deps.store.list(setPrefix(timestamp), { signal: deps.signal }))
    if (isWanted(key)) yield key;
  for (const key of (await olderObjects(deps, timestamp)) ?? []) if (isWanted(key)) yield key;
}

async function change(
  { signal, log }: Deps,
  lock: ObjectLock,
  timestamp: string,
  { isOn, keys }: { readonly isOn: boolean; readonly keys: AsyncIterable<string> },
): Promise<number> {
  let done = 0;
  const failures: { readonly key: string; readonly error: unknown }[] = [];
  await eachInFlight(keys, HOLDS_IN_FLIGHT, async (key) => {
    try {
      await lock.setLegalHold(key, isOn, { signal });
      done += 1;
    } catch (error) {
      signal?.throwIfAborted();
      failures.push({ key, error });
    }
  });
  log.info(
    { set: timestamp, legalHold: isOn, objects: done, failed: failures.length },
    'legal hold',
  );
  const [first] = failures;
  if (first === undefined) return done;
  const [verb, mark] = isOn ? ['set on', 'held'] : ['lifted from', 'released'];
  throw new StowageError(
    'set/not-locked',
    `set ${timestamp} is ${mark}, but a legal hold could not be ${verb} ${plural(failures.length, 'object')}, first: ${messageOf(first.error)}`,
    { cause: first.error, where: { set: timestamp, object: first.key } },
  );
}
