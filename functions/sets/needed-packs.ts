import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { readPart } from '../stored/read-part.ts';
import { setsOfKeys, storedSetKeys } from '../stored/set-keys.ts';
import { readSetDocument } from './status.ts';

/** A pack in the folder of an older set. */
export interface NeededPack {
  readonly key: string;
  readonly bytes: number;
  readonly crc32: string;
}

/**
 * The packs of older sets that a set uses, each once.
 * @throws StowageError `set/damaged` when its manifest or one of its parts cannot be read.
 */
export async function neededPacks(deps: Deps, timestamp: string): Promise<NeededPack[]> {
  const document = await requireManifest(deps, timestamp);
  if (document.needs.length === 0) return [];
  const packs = new Map<string, NeededPack>();
  for (const { content } of document.contents) {
    const part = await readPart(deps, document, content);
    if (!part.ok)
      throw new StowageError('set/damaged', describeProblem(part.failure), {
        where: { set: timestamp, content },
      });
    for (const { key, bytes, crc32 } of part.value.packs)
      if (!key.startsWith(setPrefix(timestamp))) packs.set(key, { key, bytes, crc32 });
  }
  return [...packs.values()];
}

/**
 * The documents with the keys of older sets whose packs an encrypted set uses.
 * @throws StowageError `set/damaged` when its manifest cannot be read.
 */
export async function neededKeys(deps: Deps, timestamp: string): Promise<StoredObject[]> {
  const keys: StoredObject[] = [];
  for (const set of setsOfKeys(await requireManifest(deps, timestamp)))
    if (set !== timestamp) keys.push(...(await storedSetKeys(deps, set)));
  return keys;
}

async function requireManifest(deps: Deps, timestamp: string): Promise<Manifest> {
  const { document } = await readSetDocument(deps, timestamp, 'manifest', Manifest);
  if (document !== undefined) return document;
  const object = formatKey({ kind: 'manifest', timestamp });
  throw new StowageError('set/damaged', `${object} cannot be read`, {
    where: { set: timestamp, object },
  });
}
