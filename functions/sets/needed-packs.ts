import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { describeProblem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { Deps } from '../deps.ts';
import { readPart } from '../stored/read-part.ts';
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
  const { document } = await readSetDocument(deps, timestamp, 'manifest', Manifest);
  if (document === undefined) {
    const object = formatKey({ kind: 'manifest', timestamp });
    throw new StowageError('set/damaged', `${object} cannot be read`, {
      where: { set: timestamp, object },
    });
  }
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
