import { mapInFlight } from '../../async/each-in-flight.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, type Key, parseKey, receiptsPrefix } from '../../backup-set/base/keys.ts';
import { failure } from '../../backup-set/base/result.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import { type ManifestPart, objectsOf } from '../../backup-set/documents/manifest.ts';
import type { Piece } from '../../backup-set/documents/tasks.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { COPIES_IN_FLIGHT, type CopiedObject, copyObject } from '../sets/copy-object.ts';
import { listKeys } from '../stored/load.ts';
import type { PieceResult } from './piece-result.ts';

/**
 * The alternate location of a task that copies a set.
 * @throws StowageError `config/missing`: the request was written where one is configured.
 */
export function requireReplica({ replica }: Deps): ObjectStore {
  if (replica !== undefined) return replica;
  throw new StowageError(
    'config/missing',
    'no alternate location is configured for a task that copies to it: set replica.root',
    {
      where: { field: 'replica' },
    },
  );
}

/**
 * Copies the objects of one piece. The first piece of a content also copies its receipts and its
 * part of the seal.
 */
export async function replicatePiece(
  deps: Deps,
  part: ManifestPart,
  piece: Piece,
): Promise<PieceResult> {
  const objects: CopiedObject[] = [...objectsOf(part)].slice(piece.from, piece.to);
  const documents: CopiedObject[] = piece.from === 0 ? await documentsOf(deps, part) : [];
  const stores = { from: deps.store, to: requireReplica(deps) };
  const done = { objects: 0, bytes: 0 };
  const problems = await mapInFlight(
    [...objects, ...documents],
    COPIES_IN_FLIGHT,
    async (object) => {
      const { key, bytes } = object;
      const result = isOfPart(key)
        ? await copyObject(stores, object, { signal: deps.signal })
        : failure(keyNotInPart(key));
      if (!result.ok) return [{ ...result.failure, content: part.content }];
      done.objects += 1;
      done.bytes += bytes;
      return [];
    },
  );
  return { ...done, ...boundedProblems(problems.flat()) };
}

async function documentsOf(deps: Deps, { timestamp, content }: ManifestPart) {
  const { signal } = deps;
  const head = (kind: 'seal-part' | 'base-part' | 'witnesses') =>
    deps.store.head(formatKey({ kind, timestamp, content }), { signal });
  const parts = [await head('seal-part'), await head('base-part'), await head('witnesses')];
  const receipts = await listKeys(deps, `${receiptsPrefix(timestamp)}${content}/`, ['receipt']);
  return [...parts.filter((part) => part !== undefined), ...receipts];
}

const KINDS_OF_PART: readonly Key['kind'][] = [
  'pack',
  'file',
  'metadata',
  'receipt',
  'seal-part',
  'base-part',
  'witnesses',
];

/**
 * The keys that a part of a manifest may name. A forged part must not bring the seal or manifest of
 * another set: that would commit the set at the alternate location.
 */
function isOfPart(key: string): boolean {
  const kind = parseKey(key)?.kind;
  return kind !== undefined && KINDS_OF_PART.includes(kind);
}

function keyNotInPart(object: string): Problem {
  return {
    code: 'documents-disagree',
    object,
    message: 'the manifest lists a key that is not the key of a pack, file or receipt',
  };
}
