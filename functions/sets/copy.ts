import { throwIfInterrupted } from '../../async/abort.ts';
import { eachInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Key, parseKey, setPrefix } from '../../backup-set/base/keys.ts';
import { describeProblem, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { validate } from '../handlers/validate.ts';
import { requireLiving } from '../retention/marks.ts';
import { whileReading } from '../retention/reading.ts';
import { COPIES_IN_FLIGHT, type CopiedObject, copyObject } from './copy-object.ts';
import { neededKeys, neededPacks } from './needed-packs.ts';
import { readSetDocument, requireSet } from './status.ts';

/**
 * Not copied: verdicts, marks and locks are about the objects under this root, and agents at the
 * target must not find an order a second time.
 */
const KINDS_NOT_COPIED: readonly Key['kind'][] = [
  'verdict',
  'lock-record',
  'backup-order',
  'backup-claim',
  'backup-report',
  'dispatched',
  'retention',
];

export interface CopyResult {
  readonly copied: { readonly objects: number; readonly bytes: number };
  /** Objects that the target had already, with the same bytes. */
  readonly skipped: number;
  readonly verdict: Verdict;
}

/**
 * Copies the objects of a committed set, the packs of older sets that it uses, and the keys of
 * these sets to another root, and validates the set there. Seal and manifest are copied last, so
 * that no function at the target takes half a set for a set. An increment of gpbackup comes with
 * the older sets whose files it needs.
 * @throws StowageError `set/incomplete` when the set has no manifest; `storage/not-found` when an
 * object is missing; `storage/exists` when the target has another object.
 */
export async function copySet(from: Deps, to: Deps, timestamp: string): Promise<CopyResult> {
  if (from.store.url === to.store.url)
    throw new StowageError(
      'usage/flag',
      `set ${timestamp} is already under ${to.store.url}: choose another root with --to`,
    );
  const copied = { objects: 0, bytes: 0 };
  let skipped = 0;
  for (const older of await setsWithFiles(from, timestamp)) {
    const done = await copyOneSet(from, to, older);
    copied.objects += done.copied.objects;
    copied.bytes += done.copied.bytes;
    skipped += done.skipped;
  }
  const own = await copyOneSet(from, to, timestamp);
  const objects = copied.objects + own.copied.objects;
  const bytes = copied.bytes + own.copied.bytes;
  return { copied: { objects, bytes }, skipped: skipped + own.skipped, verdict: own.verdict };
}

/** The older sets whose files an increment of gpbackup needs, and what these need; oldest first. */
async function setsWithFiles(from: Deps, timestamp: string): Promise<string[]> {
  const found = new Set([timestamp]);
  for (const set of found) {
    const { document } = await readSetDocument(from, set, 'manifest', Manifest);
    for (const older of document?.files?.needs ?? []) found.add(older);
  }
  found.delete(timestamp);
  return [...found].toSorted();
}

async function copyOneSet(from: Deps, to: Deps, timestamp: string): Promise<CopyResult> {
  const manifestKey = formatKey({ kind: 'manifest', timestamp });
  const manifest = await from.store.head(manifestKey);
  if (manifest === undefined) {
    await requireSet(from, timestamp);
    throw new StowageError(
      'set/incomplete',
      `set ${timestamp} under ${from.store.url} is incomplete (it has no manifest): only complete sets can be copied`,
      { where: { set: timestamp } },
    );
  }
  await requireLiving(to, timestamp);
  return whileReading(from, timestamp, `copy to ${to.store.url}`, () =>
    copyCommitted(from, to, timestamp, manifest),
  );
}

async function copyCommitted(
  from: Deps,
  to: Deps,
  timestamp: string,
  manifest: StoredObject,
): Promise<CopyResult> {
  const manifestKey = manifest.key;
  const planKey = formatKey({ kind: 'plan', timestamp });
  const sealKey = formatKey({ kind: 'seal', timestamp });
  const objects = await objectsToCopy(from, timestamp);
  const copied = { objects: 0, bytes: 0 };
  let skipped = 0;
  const copyOne = async (object: CopiedObject) => {
    throwIfInterrupted(from.signal, `copying ${timestamp}`);
    const stores = { from: from.store, to: to.store };
    const result = await copyObject(stores, object, { signal: from.signal });
    if (!result.ok) throw copyError(timestamp, result.failure);
    if (result.value === 'present') {
      skipped++;
      return;
    }
    copied.objects++;
    copied.bytes += object.bytes;
  };
  const plan = objects.find(({ key }) => key === planKey);
  // Before the others: an expiry at the target keeps what the plan may need.
  if (plan !== undefined) await copyOne(plan);
  const ends = [planKey, sealKey, manifestKey];
  const first = objects.filter(({ key }) => !ends.includes(key));
  await eachInFlight(first, COPIES_IN_FLIGHT, copyOne);
  await eachInFlight(await neededPacks(from, timestamp), COPIES_IN_FLIGHT, copyOne);
  await eachInFlight(await neededKeys(from, timestamp), COPIES_IN_FLIGHT, copyOne);
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
    if (key !== undefined && !KINDS_NOT_COPIED.includes(key.kind)) objects.push(object);
  }
  return objects;
}

function copyError(timestamp: string, problem: Problem): StowageError {
  const code = problem.code === 'object-missing' ? 'storage/not-found' : 'storage/exists';
  const where = { set: timestamp, object: problem.object ?? '' };
  return new StowageError(code, `cannot copy: ${describeProblem(problem)}`, { where });
}
