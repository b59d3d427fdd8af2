import type { Section } from '../../../backup-set/documents/restore/choices.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { restores } from '../../../backup-set/restore/sections.ts';
import type { ArchiveObject } from '../../../database/objects/expected.ts';

/**
 * The objects that the sections and --no-acl of a request do not leave out. As in pg_restore, a
 * comment or right is in the section of the entry before it.
 */
export function madeBy(
  request: Pick<RestoreRequest, 'sections' | 'noAcl'>,
  objects: readonly ArchiveObject[],
): (object: ArchiveObject) => boolean {
  const left = new Set<ArchiveObject>();
  let current: Section = 'pre-data';
  for (const object of objects) {
    if (object.section !== 'none') current = object.section;
    const isRight = object.kind === 'ACL' || object.kind === 'DEFAULT ACL';
    const isInSection = restores(request, current);
    if (!isInSection || (request.noAcl === true && isRight)) left.add(object);
  }
  return (object) => !left.has(object);
}
