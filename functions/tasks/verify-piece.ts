import { mapInFlight } from '../../async/each-in-flight.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import {
  type Manifest,
  type ManifestPart,
  objectsOf,
} from '../../backup-set/documents/manifest.ts';
import type { Piece } from '../../backup-set/documents/tasks.ts';
import { type CheckedObject, verifyObject } from '../check/object.ts';
import { relationName } from '../check/relations-of.ts';
import type { Deps } from '../deps.ts';
import type { PieceResult } from './tasks.ts';

const OBJECTS_IN_FLIGHT = 4;

/** Reads every byte of a piece's objects again. What is missing or wrong is found, not thrown. */
export async function verifyPiece(
  deps: Deps,
  manifest: Manifest,
  part: ManifestPart,
  piece: Piece,
): Promise<PieceResult> {
  const objects = objectsToRead(part, manifest).slice(piece.from, piece.to);
  const done = { objects: 0, bytes: 0 };
  const problems = await mapInFlight(objects, OBJECTS_IN_FLIGHT, async (object) => {
    const found = await verifyObject(deps.store, object, {
      signal: deps.signal,
      decode: true,
      onBytes: (bytes) => {
        done.bytes += bytes;
      },
    });
    done.objects += 1;
    return found;
  });
  return { ...done, ...boundedProblems(problems.flat()) };
}

/** Every object of a content, with the frames that must be found in it. */
export function objectsToRead(part: ManifestPart, manifest: Manifest): CheckedObject[] {
  const extents = new Map(part.packs.map((pack) => [pack.key, pack.extents]));
  return Array.from(objectsOf(part), (object) => ({
    ...object,
    extents: extents.get(object.key) ?? [],
    relation: (id: number) => relationName(manifest, id),
  }));
}
