import pMap from 'p-map';
import { type Manifest, type ManifestPart, objectsOf } from '../backup-set/manifest.ts';
import type { Piece } from '../backup-set/slices.ts';
import { bounded } from '../backup-set/verdict.ts';
import { callOptions, type Deps } from './deps.ts';
import { nameIn } from './relations-of.ts';
import type { PieceDone } from './tasks.ts';
import { type CheckedObject, verifyObject } from './verify-object.ts';

const OBJECTS_IN_FLIGHT = 4;

/** Reads every byte of a piece's objects again. What is missing or wrong is found, not thrown. */
export async function verifyPiece(
  deps: Deps,
  manifest: Manifest,
  part: ManifestPart,
  piece: Piece,
): Promise<PieceDone> {
  const objects = objectsToRead(part, manifest).slice(piece.from, piece.to);
  const done = { objects: 0, bytes: 0 };
  const problems = await pMap(
    objects,
    async (object) => {
      const found = await verifyObject(deps.store, object, {
        ...callOptions(deps),
        decode: true,
        onBytes: (bytes) => {
          done.bytes += bytes;
        },
      });
      done.objects += 1;
      return found;
    },
    { concurrency: OBJECTS_IN_FLIGHT },
  );
  return { ...done, ...bounded(problems.flat()) };
}

/** Every object of a content, with the frames that must be found in it. */
export function objectsToRead(part: ManifestPart, manifest: Manifest): CheckedObject[] {
  const extents = new Map(part.packs.map((pack) => [pack.key, pack.extents]));
  return Array.from(objectsOf(part), (object) => ({
    ...object,
    extents: extents.get(object.key) ?? [],
    relation: (id: number) => nameIn(manifest, id),
  }));
}
