import { decode } from '../../../backup-set/base/document.ts';
import { formatKey, parseKey } from '../../../backup-set/base/keys.ts';
import { ManifestPart, objectsOf } from '../../../backup-set/documents/manifest.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { livingSet, rowDifferences } from '../../model/sets.ts';
import { differences } from '../../model/truth.ts';
import { objectsIn } from '../../support/retention/unneeded.ts';
import { completeSets, namedBy } from '../lifetimes/invariants.ts';
import type { Ended } from './run-command.ts';
import { count, type KilledWorld, rowsNow } from './world.ts';

type Objects = Awaited<ReturnType<typeof objectsIn>>;

/** What a root has after a round. */
export interface Seen {
  readonly objects: Objects;
  readonly complete: readonly string[];
  /** All sets with a plan. */
  readonly sets: readonly string[];
}

export async function look(store: ObjectStore): Promise<Seen> {
  const objects = await objectsIn(store);
  const complete = completeSets(objects).sort();
  const plans = [...objects.keys()].flatMap((key) => {
    const parsed = parseKey(key);
    return parsed?.kind === 'plan' ? [parsed.timestamp] : [];
  });
  return { objects, complete, sets: plans.sort() };
}

/** Every object that a set with a manifest names is stored, as long as the manifest says. */
async function lost(store: ObjectStore, { objects, complete }: Seen): Promise<string[]> {
  const bytes = new Map<string, number>();
  for await (const object of store.list('sets/')) bytes.set(object.key, object.bytes);
  return complete.flatMap((timestamp) => {
    const found = namedBy(objects, timestamp)
      .filter((key) => !bytes.has(key))
      .map((key) => `set ${timestamp} has lost ${key}`);
    for (const [key, { bytes: stored }] of objects) {
      const parsed = parseKey(key);
      if (parsed?.kind !== 'manifest-part' || parsed.timestamp !== timestamp) continue;
      for (const object of objectsOf(decode(ManifestPart, { key, bytes: stored })))
        if (bytes.has(object.key) && bytes.get(object.key) !== object.bytes)
          found.push(`set ${timestamp}: ${object.key} has ${bytes.get(object.key)} bytes`);
    }
    return found;
  });
}

/** No key was written twice, also not after its removal: keys of packs are never used again. */
async function overwritten({ seen }: KilledWorld, store: ObjectStore): Promise<string[]> {
  const found: string[] = [];
  for await (const { key, bytes, etag } of store.list('')) {
    const name = `${store.url} ${key}`;
    const now = `${bytes} bytes, ETag ${etag ?? 'none'}`;
    const before = seen.get(name);
    seen.set(name, now);
    if (before !== undefined && before !== now && parseKey(key)?.kind === 'pack')
      found.push(`${name} had ${before}, and has ${now}`);
  }
  return found;
}

/** Sets whose manifest is gone, though nothing may have removed them. */
function vanished(world: KilledWorld, before: Seen, after: Seen): string[] {
  const { held, deleted } = world;
  const marksOf = (timestamp: string) =>
    [...after.objects.keys()].filter((one) => {
      const parsed = parseKey(one);
      return parsed?.kind === 'retention' && parsed.timestamp === timestamp;
    });
  // A `delete` that was killed before its mark has changed nothing: its set is the newest still.
  const isDeleted = (timestamp: string) =>
    deleted.has(timestamp) &&
    (!after.complete.includes(timestamp) || marksOf(timestamp).length > 0);
  const newest = before.complete.filter((timestamp) => !isDeleted(timestamp)).at(-1);
  return before.complete
    .filter((timestamp) => !after.complete.includes(timestamp))
    .flatMap((timestamp) => {
      const found: string[] = [];
      if (held.has(timestamp)) found.push(`set ${timestamp} is held, and was removed`);
      if (timestamp === newest) found.push(`set ${timestamp} is the newest, and was removed`);
      const key = formatKey({ kind: 'plan', timestamp });
      const left = [...after.objects.keys()].filter((one) => one.startsWith(key.slice(0, -9)));
      if (marksOf(timestamp).length === 0 && left.length > 0)
        found.push(`set ${timestamp} has no manifest, and no mark says that it was removed`);
      return found;
    });
}

/** What a round has done that it must not. */
export async function judge(
  world: KilledWorld,
  before: Seen,
  ended: readonly Ended[],
): Promise<{ readonly after: Seen; readonly findings: string[] }> {
  const { store, copied, random, truths } = world;
  const after = await look(store);
  const findings = [
    ...(await lost(store, after)),
    ...(await overwritten(world, store)),
    ...vanished(world, before, after),
    ...ended.flatMap(endings),
  ];
  const copies = await look(copied);
  findings.push(...(await lost(copied, copies)).map((what) => `copy: ${what}`));
  for (const { planned, timestamp = '', result, killed } of ended) {
    if (killed || result?.code !== 0) continue;
    if (planned.name === 'copy' && !copies.complete.includes(timestamp))
      findings.push(`set ${timestamp} was copied, and has no manifest there`);
  }
  if (after.complete.length > 0)
    findings.push(...(await readAll(world, store, random.pick(after.complete))));
  if (copies.complete.length > 0 && random.chance(0.3))
    findings.push(...(await readAll(world, copied, random.pick(copies.complete))));
  const unknown = after.complete.filter((timestamp) => !truths.has(timestamp));
  if (unknown.length > 0) findings.push(`sets without known rows: ${unknown.join(', ')}`);
  return { after, findings };
}

/** Reads every frame of a set. */
export async function readAll(
  world: KilledWorld,
  store: ObjectStore,
  timestamp: string,
): Promise<string[]> {
  count(world, 'set read');
  const truths = world.truths.get(timestamp) ?? new Map();
  try {
    return await rowDifferences(store, await livingSet(store, timestamp, truths));
  } catch (error) {
    return [`set ${timestamp} cannot be read: ${String(error)}`];
  }
}

/** The rows that a restore has made. */
export async function restoredRows(
  world: KilledWorld,
  timestamp: string,
  database: string,
): Promise<string[]> {
  const rows = await rowsNow(world, database);
  return [...(world.truths.get(timestamp) ?? [])].flatMap(([content, wanted]) =>
    differences(rows.get(content) ?? new Map(), wanted, `restore of ${timestamp}, ${content}`),
  );
}

/** A command that was not killed ends with a code, and without a defect. */
function endings({ args, killed, result, problem }: Ended): string[] {
  const what = args.join(' ');
  if (problem !== undefined) return [`${what}: ${problem}`];
  if (killed || result === undefined || result.code === 0) return [];
  const code = result.json?.error?.code;
  const isDefect = result.code === null || result.code === 1 || code === 'internal';
  return isDefect ? [`${what} ended with ${result.code}: ${result.text.slice(0, 500)}`] : [];
}
