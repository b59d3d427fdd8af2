import { sha256 } from '../../../backup-set/base/document.ts';
import { formatKey, setPrefix } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { bytesOf, keysOf } from '../functions/place.ts';
import { documentsOf, type SmallSet, storeAll, storeObjects } from '../functions/sets.ts';
import { committed } from '../functions/slicing.ts';

export const YOUNGER = '20260201010203';

/** Stores a set that carries all of its rows from a committed set, sealed and not yet folded. */
export async function carryFrom(deps: Deps, older: SmallSet, timestamp: string): Promise<SmallSet> {
  const key = formatKey({ kind: 'manifest', timestamp: older.timestamp });
  const parts = new Map<number, Uint8Array>();
  for (const content of older.contents) {
    const part = formatKey({ kind: 'manifest-part', timestamp: older.timestamp, content });
    parts.set(content, await bytesOf(deps.store, part));
  }
  const manifestSha256 = sha256(await bytesOf(deps.store, key));
  const base = { timestamp: older.timestamp, manifestSha256 };
  const set = await storeObjects(deps.store, { timestamp, base: { base, parts } });
  await storeAll(deps.store, documentsOf(set));
  return set;
}

/** A committed set, and one that carries all of its rows from it. */
export async function carriedSet(extra: Partial<Deps> = {}) {
  const { deps, set: older } = await committed(extra);
  const set = await carryFrom(deps, older, YOUNGER);
  return { deps, older, set };
}

/** The packs in the folder of a set. */
export const packsOf = async ({ store }: Deps, { timestamp }: SmallSet) =>
  (await keysOf(store, setPrefix(timestamp))).filter((key) => key.endsWith('.pack'));
