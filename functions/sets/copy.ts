import { throwIfInterrupted } from '../../async/abort.ts';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Key, parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { validate } from '../handlers/validate.ts';

const OBJECTS_AT_ONCE = 8;

/** Said about the set where it is, or to the agents that shipped it: an order must not be found a second time. */
const LEFT_BEHIND: readonly Key['kind'][] = [
  'verdict',
  'backup-order',
  'backup-claim',
  'backup-report',
  'dispatched',
];

export interface CopyResult {
  readonly copied: { readonly objects: number; readonly bytes: number };
  /** Objects that were at the target already. */
  readonly skipped: number;
  readonly verdict: Verdict;
}

/**
 * Copies everything of a committed set but its verdicts and what agents were told: seal and manifest last, so that no function
 * there takes a half of it for a set. The target gets a verdict of its own.
 */
export async function copySet(from: Deps, to: Deps, timestamp: string): Promise<CopyResult> {
  if (from.store.url === to.store.url)
    throw new StowageError('usage/flag', `--to names the root the set is in, ${to.store.url}`);
  const manifestKey = formatKey({ kind: 'manifest', timestamp });
  const manifest = await from.store.head(manifestKey);
  if (manifest === undefined)
    throw new StowageError(
      'set/incomplete',
      `set ${timestamp} has no manifest under ${from.store.url}: only complete sets are copied`,
      { where: { set: timestamp } },
    );
  const sealKey = formatKey({ kind: 'seal', timestamp });
  const objects = await objectsToCopy(from, timestamp);
  const last = [sealKey, manifestKey];
  const copied = { objects: 0, bytes: 0 };
  let skipped = 0;
  const copyOne = async (object: StoredObject) => {
    throwIfInterrupted(from.signal, `copying ${timestamp}`);
    if (await copyObject(from, to, object)) {
      copied.objects++;
      copied.bytes += object.bytes;
    } else {
      skipped++;
    }
  };
  await eachInFlight(
    objects.filter(({ key }) => !last.includes(key)),
    OBJECTS_AT_ONCE,
    copyOne,
  );
  const seal = objects.find(({ key }) => key === sealKey);
  if (seal !== undefined) await copyOne(seal);
  await copyOne(manifest);
  const { verdict } = await validate(to, timestamp);
  return { copied, skipped, verdict };
}

async function objectsToCopy({ store }: Deps, timestamp: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const object of store.list(setPrefix(timestamp))) {
    const key = parseKey(object.key);
    if (key !== undefined && !LEFT_BEHIND.includes(key.kind)) objects.push(object);
  }
  return objects;
}

/** @returns false when the object was there. @throws `storage/exists` when what is there has another size. */
async function copyObject(from: Deps, to: Deps, object: StoredObject): Promise<boolean> {
  try {
    await to.store.copyFrom(from.store, object.key, { signal: from.signal });
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    const there = await to.store.head(object.key);
    if (there?.bytes === object.bytes) return false;
    throw error;
  }
}
