import { decode, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { Needs, packsOf } from '../../backup-set/documents/retention/needs.ts';
import type { Deps } from '../deps.ts';
import { neededPacks } from '../sets/needed-packs.ts';
import { readSetDocument } from '../sets/status.ts';
import { readDocument } from '../stored/load.ts';
import { setsOfKeys, storedSetKeys } from '../stored/set-keys.ts';

/**
 * The objects of older sets that a set uses: their packs, and the keys that open these. Undefined
 * for a set that was deleted or cannot be read.
 */
export async function olderObjects(deps: Deps, timestamp: string): Promise<string[] | undefined> {
  const { document } = await readSetDocument(deps, timestamp, 'manifest', Manifest);
  if (document === undefined) return undefined;
  const packs = await olderPacks(deps, document);
  if (packs === undefined) return undefined;
  const keys: string[] = [];
  for (const set of setsOfKeys(document))
    if (set !== timestamp) keys.push(...(await storedSetKeys(deps, set)).map(({ key }) => key));
  return [...packs, ...keys];
}

/** From needs.json, or from the parts of the manifest when that list is missing or damaged. */
async function olderPacks(
  deps: Deps,
  { timestamp, needs, needed }: Manifest,
): Promise<string[] | undefined> {
  if (needs.length === 0) return [];
  const key = formatKey({ kind: 'needs', timestamp });
  const raw = needed && (await readDocument(deps, key, needed.bytes));
  if (raw !== undefined && sha256(raw.bytes) === needed?.sha256)
    return [...packsOf(decode(Needs, raw))];
  try {
    return (await neededPacks(deps, timestamp)).map((pack) => pack.key);
  } catch (error) {
    if (!isStowageError(error, 'set/damaged')) throw error;
    deps.log.warn({ err: error, set: timestamp }, 'the packs of older sets cannot be read');
    return undefined;
  }
}
