import { mapInFlight } from '../../async/each-in-flight.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import type { Piece } from '../../backup-set/documents/tasks.ts';
import { verifyObject } from '../check/object.ts';
import { objectsToRead } from '../check/objects-to-read.ts';
import type { Deps } from '../deps.ts';
import type { PieceResult } from './piece-result.ts';

const OBJECTS_IN_FLIGHT = 4;

/**
 * Reads every byte of a piece's objects again. Missing or damaged objects are problems, not errors.
 */
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
      // No function has a key.
      decode: manifest.encryption === undefined,
      onBytes: (bytes) => {
        done.bytes += bytes;
      },
    });
    done.objects += 1;
    return found;
  });
  return { ...done, ...boundedProblems(problems.flat()) };
}
