import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore/restore.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { bringsLargeObjects } from '../../../backup-set/restore/plan.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { functionDeps } from '../../wait-for-functions.ts';

const PARTS_AT_ONCE = 16;

export const LARGE_OBJECTS_LEFT =
  'the large objects of the set are not restored with --truncate or a selection; --large-objects restores them';

/** Whether the set has large objects that this restore leaves out; says so before it begins. */
export async function leavesLargeObjects(
  context: ClusterContext,
  store: ObjectStore,
  request: RestoreRequest,
  manifest: Manifest,
): Promise<boolean> {
  if (bringsLargeObjects(request)) return false;
  const deps = functionDeps(context, store);
  const found = await mapInFlight(manifest.contents, PARTS_AT_ONCE, async ({ content }) => {
    const part = await readPart(deps, manifest, content);
    // A damaged part is the functions' to report.
    return part.ok && fileOf(part.value, 'large-objects.dump') !== undefined;
  });
  const isLeft = found.includes(true);
  if (isLeft)
    context.output.note('large-objects', { leavesLargeObjects: true }, LARGE_OBJECTS_LEFT);
  return isLeft;
}
