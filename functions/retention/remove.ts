import { throwIfInterrupted } from '../../async/abort.ts';
import {
  formatKey,
  type Key,
  parseKey,
  retentionPrefix,
  setPrefix,
} from '../../backup-set/base/keys.ts';
import type { Deps } from '../deps.ts';
import type { NeededPacks } from './needed.ts';

/** One DeleteObjects request, and a bound on memory. */
const BATCH_MAX = 1_000;

/** What the removal of a set did, or would do. */
export interface Removal {
  readonly objects: number;
  readonly bytes: number;
  /** Packs that stay, because other sets need them. */
  readonly packsKept: number;
  readonly bytesKept: number;
}

type Sums = { -readonly [Field in keyof Removal]: number };

/** What `removeSet` would remove. Lists the folder of the set. */
export async function measureRemoval(
  deps: Deps,
  timestamp: string,
  needed: NeededPacks,
): Promise<Removal> {
  const sums = zero();
  for await (const { key, bytes } of deps.store.list(setPrefix(timestamp), signalOf(deps)))
    addTo(sums, bytes, needed.isNeeded(key));
  return sums;
}

/** Removes `manifest.json`: without it the rest is no longer a set. @returns its bytes, if any. */
export async function removeManifest(deps: Deps, timestamp: string): Promise<number | undefined> {
  const key = formatKey({ kind: 'manifest', timestamp });
  const manifest = await deps.store.head(key, signalOf(deps));
  if (manifest !== undefined) await deps.store.delete([key], signalOf(deps));
  return manifest?.bytes;
}

/**
 * Removes the objects of a set whose removal was decided (`ended`), in an order in which it can be
 * interrupted anywhere and repeated: `manifest.json`, the other documents, the packs that no other
 * set needs, and at last the marks. While packs stay, the marks stay. The manifests of all sets
 * that need packs of this one must be removed already.
 * @param manifestBytes of its own manifest, which was removed just now
 */
export async function removeSet(
  deps: Deps,
  timestamp: string,
  needed: NeededPacks,
  manifestBytes?: number,
): Promise<Removal> {
  const sums = zero();
  if (manifestBytes !== undefined) addTo(sums, manifestBytes, false);
  const isPack = (key: Key | undefined) => key?.kind === 'pack' || key?.kind === 'file';
  const isMark = (key: Key | undefined) => key?.kind === 'retention';
  const folder = setPrefix(timestamp);
  // Twice: a program that began before the tombstone can have written something since, and a
  // repair can have brought a needed pack back.
  for (let pass = 0; pass < 2; pass += 1) {
    await removeEach(deps, folder, sums, (text) => {
      const key = parseKey(text);
      return !isMark(key) && !isPack(key);
    });
    await removeEach(deps, `${folder}data/`, sums, (key) => !needed.isNeeded(key));
    if (sums.packsKept > 0) return sums;
  }
  const endings: string[] = [];
  await removeEach(deps, retentionPrefix(timestamp), sums, (text) => {
    const key = parseKey(text);
    const isEnding = key?.kind === 'retention' && key.what === 'ended';
    if (isEnding) endings.push(text);
    return !isEnding;
  });
  // The last objects: as long as one is there, no program takes the folder for a living set.
  await deps.store.delete(endings, signalOf(deps));
  return sums;
}

/** Deletes the objects below a prefix that `goes` chooses, in batches. */
async function removeEach(
  deps: Deps,
  prefix: string,
  sums: Sums,
  goes: (key: string) => boolean,
): Promise<void> {
  let batch: string[] = [];
  const flush = async () => {
    throwIfInterrupted(deps.signal, 'removing sets');
    if (batch.length > 0) await deps.store.delete(batch, signalOf(deps));
    batch = [];
  };
  for await (const { key, bytes } of deps.store.list(prefix, signalOf(deps))) {
    if (!goes(key)) {
      if (prefix.endsWith('data/')) addTo(sums, bytes, true);
      continue;
    }
    addTo(sums, bytes, false);
    batch.push(key);
    if (batch.length === BATCH_MAX) await flush();
  }
  await flush();
}

const signalOf = ({ signal }: Deps) => ({ signal });
const zero = (): Sums => ({ objects: 0, bytes: 0, packsKept: 0, bytesKept: 0 });

function addTo(sums: Sums, bytes: number, isKept: boolean): void {
  sums[isKept ? 'packsKept' : 'objects'] += 1;
  sums[isKept ? 'bytesKept' : 'bytes'] += bytes;
}
