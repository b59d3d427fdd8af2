import {
  type Manifest,
  type ManifestPart,
  objectsOf,
} from '../../backup-set/documents/manifest.ts';
import type { CheckedObject } from './object.ts';
import { relationName } from './relations-of.ts';

/** Every object of a content, with the frames that it must hold. */
export function objectsToRead(part: ManifestPart, manifest: Manifest): CheckedObject[] {
  const extents = new Map(part.packs.map((pack) => [pack.key, pack.extents]));
  return Array.from(objectsOf(part), (object) => ({
    ...object,
    extents: extents.get(object.key) ?? [],
    relation: (id: number) => relationName(manifest, id),
  }));
}
