import { throwIfInterrupted } from '../../async/abort.ts';
import {
  formatKey,
  type Key,
  parseKey,
  retentionPrefix,
  setKeysPrefix,
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
    addTo(sums, bytes, stateOf(key, needed));
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
 * set needs, the key of the set, and at last the marks. While packs stay, key and marks stay. The
 * manifests of all sets that need packs of this one must be removed already.
 * @param manifestBytes of its own manifest, which was removed just now
 */
export async function removeSet(
  deps: Deps,
  timestamp: string,
  needed: NeededPacks,
  manifestBytes?: number,
): Promise<Removal> {
  const sums = zero();
  if (manifestBytes !== undefined) addTo(sums, manifestBytes, 'goes');
  const isPack = (key: Key | undefined) => key?.kind === 'pack' || key?.kind === 'file';
  const isSetKey = (key: Key | undefined) => key?.kind === 'set-key' || key?.kind === 'host-key';
  const isMark = (key: Key | undefined) => key?.kind === 'retention';
  const folder = setPrefix(timestamp);
  // Twice: a program that began before the tombstone can have written something since, and a
  // repair can have brought a needed pack back.
  for (let pass = 0; pass < 2; pass += 1) {
    await removeEach(deps, folder, sums, (text) => {
      const key = parseKey(text);
      return !isMark(key) && !isPack(key) && !isSetKey(key);
    });
    const kept = await removeEach(deps, `${folder}data/`, sums, (key) => !needed.isNeeded(key));
    sums.packsKept += kept.objects;
    sums.bytesKept += kept.bytes;
    if (kept.objects > 0) return sums;
  }
  // A needed pack can be missing now, and a repair brings it back: it needs the key, too.
  const keys = setKeysPrefix(timestamp);
  const kept = await removeEach(deps, keys, sums, (key) => !needed.isNeeded(key));
  if (kept.objects > 0) return sums;
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

/** Deletes the objects below a prefix that `goes` chooses, in batches. @returns what stays. */
async function removeEach(
  deps: Deps,
  prefix: string,
  sums: Sums,
  goes: (key: string) => boolean,
): Promise<{ readonly objects: number; readonly bytes: number }> {
  const kept = { objects: 0, bytes: 0 };
  let batch: string[] = [];
  const flush = async () => {
    throwIfInterrupted(deps.signal, 'removing sets');
    if (batch.length > 0) await deps.store.delete(batch, signalOf(deps));
    batch = [];
  };
  for await (const { key, bytes } of deps.store.list(prefix, signalOf(deps))) {
    if (!goes(key)) {
      kept.objects += 1;
      kept.bytes += bytes;
      continue;
    }
    addTo(sums, bytes, 'goes');
    batch.push(key);
    if (batch.length === BATCH_MAX) await flush();
  }
  await flush();
  return kept;
}

/** Of a set that goes. The key of the set is no pack, and stays with them. */
export function stateOf(key: string, needed: NeededPacks): 'goes' | 'kept' | 'key' {
  if (!needed.isNeeded(key)) return 'goes';
  const kind = parseKey(key)?.kind;
  return kind === 'set-key' || kind === 'host-key' ? 'key' : 'kept';
}

const signalOf = ({ signal }: Deps) => ({ signal });
const zero = (): Sums => ({ objects: 0, bytes: 0, packsKept: 0, bytesKept: 0 });

function addTo(sums: Sums, bytes: number, state: ReturnType<typeof stateOf>): void {
  if (state === 'key') return;
  sums[state === 'kept' ? 'packsKept' : 'objects'] += 1;
  sums[state === 'kept' ? 'bytesKept' : 'bytes'] += bytes;
}
