import { mapInFlight } from '../../async/each-in-flight.ts';
import { isStowageError, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, parseKey, receiptsPrefix } from '../../backup-set/base/keys.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import { type ManifestPart, objectsOf } from '../../backup-set/documents/manifest.ts';
import type { Piece } from '../../backup-set/documents/tasks.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { listKeys } from '../stored/load.ts';
import type { PieceResult } from './piece-result.ts';

/** The server does the work; each copy of a large object is several requests at once by itself. */
const COPIES_IN_FLIGHT = 8;

/** @throws StowageError `config/missing`: the task was asked for where there was an alternate location. */
export function requireReplica({ replica }: Deps): ObjectStore {
  if (replica !== undefined) return replica;
  throw new StowageError(
    'config/missing',
    'a copy is asked for, and no alternate location is configured',
    {
      where: { field: 'replica' },
    },
  );
}

/** Copies one piece's objects. The piece that holds a content's first object brings its receipts and its seal. */
export async function replicatePiece(
  deps: Deps,
  part: ManifestPart,
  piece: Piece,
): Promise<PieceResult> {
  const objects = [...objectsOf(part)].slice(piece.from, piece.to);
  const documents = piece.from === 0 ? await documentsOf(deps, part) : [];
  const done = { objects: 0, bytes: 0 };
  const problems = await mapInFlight(
    [...objects, ...documents],
    COPIES_IN_FLIGHT,
    async ({ key, bytes }) => {
      const problem = isCopied(key) ? await copyObject(deps, key, bytes) : noSuchKey(key);
      if (problem !== undefined) return [{ ...problem, content: part.content }];
      done.objects += 1;
      done.bytes += bytes;
      return [];
    },
  );
  return { ...done, ...boundedProblems(problems.flat()) };
}

async function documentsOf(deps: Deps, { timestamp, content }: ManifestPart) {
  const seal = await deps.store.head(formatKey({ kind: 'seal-part', timestamp, content }), {
    signal: deps.signal,
  });
  const receipts = await listKeys(deps, `${receiptsPrefix(timestamp)}${content}/`, ['receipt']);
  return [...(seal === undefined ? [] : [seal]), ...receipts];
}

/** Create-only, as every write: what is there already with the right size was copied by an earlier try. */
export async function copyObject(
  deps: Deps,
  key: string,
  bytes: number,
): Promise<Problem | undefined> {
  const replica = requireReplica(deps);
  try {
    const stored = await replica.copyFrom(deps.store, key, { signal: deps.signal });
    return sizeProblem(key, bytes, stored.bytes, 'copied');
  } catch (error) {
    if (isStowageError(error, 'storage/not-found'))
      return { code: 'object-missing', object: key, message: 'the object is not there' };
    if (!isStowageError(error, 'storage/exists')) throw error;
    const there = await replica.head(key, { signal: deps.signal });
    return sizeProblem(key, bytes, there?.bytes ?? 0, `at ${replica.url} already`);
  }
}

/** What a piece may bring. A seal or manifest that a hostile part names must not commit some other set there. */
function isCopied(key: string): boolean {
  const kind = parseKey(key)?.kind;
  return kind === 'pack' || kind === 'metadata' || kind === 'receipt' || kind === 'seal-part';
}

function noSuchKey(object: string): Problem {
  return {
    code: 'documents-disagree',
    object,
    message: 'the manifest names a key that no set can have',
  };
}

function sizeProblem(
  key: string,
  wanted: number,
  found: number,
  what: string,
): Problem | undefined {
  if (found === wanted) return undefined;
  const message = `${found} bytes are ${what}; the set has ${wanted}`;
  return { code: 'size-differs', object: key, message };
}
