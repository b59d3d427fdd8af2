import { mapInFlight } from '../../async/each-in-flight.ts';
import { decode } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../deps.ts';
import { listTimestamps } from '../sets/list.ts';
import { describeSet } from '../sets/status.ts';
import { readDocument } from '../stored/load.ts';
import { apart } from '../stored/unreadable.ts';

/** Manifests read at once: each can have 10 MB, and takes four times as much while it is parsed. */
const MANIFESTS_IN_FLIGHT = 4;

/** Which sets of a root. Bounds are timestamps, or their first digits. */
export interface Window {
  /** Not older. */
  readonly since?: string | undefined;
  /** Older. */
  readonly before?: string | undefined;
  /** Only so many, the newest; of those of the database, when that is given. */
  readonly last?: number | undefined;
  /** Only the sets of this database. */
  readonly database?: string | undefined;
}

/** A set that could not be looked into. */
export interface SkippedSet {
  readonly timestamp: string;
  /** `unreadable`: the manifest exists and is not valid. Else the set has no manifest. */
  readonly why: 'unreadable' | 'open' | 'incomplete' | 'damaged';
  /** Of an unreadable manifest: the key and the wrong field, or why the store withholds it. */
  readonly message?: string;
}

export interface LookedAt<T> {
  /** Oldest first. */
  readonly sets: readonly T[];
  readonly skipped: readonly SkippedSet[];
  /** Complete sets in the window, whatever their database. */
  readonly read: number;
}

/** Timestamps of sets in a window, oldest first. */
export async function timestampsIn(deps: Deps, { since, before, last }: Window): Promise<string[]> {
  const all = (await listTimestamps(deps.store)).filter(
    (timestamp) =>
      (since === undefined || timestamp >= since) && (before === undefined || timestamp < before),
  );
  return last === undefined ? all : all.slice(Math.max(0, all.length - last));
}

/**
 * Reduces the manifest of every set in a window: one GET per set, few manifests in memory at once.
 * A set without a readable manifest is named in `skipped`.
 */
export async function eachManifest<T>(
  deps: Deps,
  window: Window,
  reduce: (manifest: Manifest) => T,
): Promise<LookedAt<T>> {
  const { database, last } = window;
  // Which sets are of the database is known when they have been read.
  const isSearch = database !== undefined && last !== undefined;
  const timestamps = await timestampsIn(deps, isSearch ? { ...window, last: undefined } : window);
  const look = async (timestamp: string): Promise<Look<T>> => {
    deps.signal?.throwIfAborted();
    const manifest = await readManifest(deps, timestamp);
    if (manifest === undefined || 'why' in manifest) return { skipped: manifest };
    const isOther = database !== undefined && manifest.database !== database;
    return isOther ? { read: true } : { read: true, set: { reduced: reduce(manifest) } };
  };
  const found = isSearch
    ? await newestOf(timestamps, last, look)
    : await mapInFlight(timestamps, MANIFESTS_IN_FLIGHT, look);
  return {
    sets: found.flatMap(({ set }) => (set === undefined ? [] : [set.reduced])),
    skipped: found.flatMap(({ skipped }) => skipped ?? []),
    read: found.filter(({ read }) => read === true).length,
  };
}

interface Look<T> {
  readonly read?: true;
  readonly skipped?: SkippedSet | undefined;
  readonly set?: { readonly reduced: T };
}

/** Looks at the newest sets first, until so many are of the database. Oldest first. */
async function newestOf<T>(
  timestamps: readonly string[],
  last: number,
  look: (timestamp: string) => Promise<Look<T>>,
): Promise<Look<T>[]> {
  const newest: Look<T>[] = [];
  let left = last;
  for (let end = timestamps.length; end > 0 && left > 0; end -= MANIFESTS_IN_FLIGHT) {
    const next = timestamps.slice(Math.max(0, end - MANIFESTS_IN_FLIGHT), end);
    for (const one of (await mapInFlight(next, MANIFESTS_IN_FLIGHT, look)).toReversed()) {
      if (left === 0) break;
      newest.push(one);
      if (one.set !== undefined) left -= 1;
    }
  }
  return newest.toReversed();
}

/** Undefined: a folder that is no set, or whose removal has begun. */
export async function readManifest(
  deps: Deps,
  timestamp: string,
): Promise<Manifest | SkippedSet | undefined> {
  return apart<Manifest | SkippedSet | undefined>(
    deps,
    `set ${timestamp} is left out`,
    () => findManifest(deps, timestamp),
    ({ message }) => ({ timestamp, why: 'unreadable', message }),
  );
}

async function findManifest(
  deps: Deps,
  timestamp: string,
): Promise<Manifest | SkippedSet | undefined> {
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) {
    const summary = await describeSet(deps, timestamp);
    if (summary === undefined) return undefined;
    const { status } = summary;
    // Complete now: the manifest was stored between both looks.
    return status === 'complete' ? findManifest(deps, timestamp) : { timestamp, why: status };
  }
  const manifest = decode(Manifest, raw);
  if (manifest.timestamp === timestamp) return manifest;
  const message = `${raw.key} is the manifest of set ${manifest.timestamp}`;
  return { timestamp, why: 'unreadable', message };
}
