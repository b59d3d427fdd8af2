import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { Manifest } from '../../../backup-set/documents/manifest.ts';
import type { RestoreRequest } from '../../../backup-set/documents/restore.ts';
import { fileOf } from '../../../backup-set/restore/order-bodies.ts';
import { isWhole } from '../../../backup-set/restore/plan.ts';
import type { Segment } from '../../../database/flavour.ts';
import { readPart } from '../../../functions/stored/read-part.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { ClusterContext } from '../../context.ts';
import { functionDeps } from '../../wait-for-functions.ts';
import { changedSegments } from '../expected.ts';

const PARTS_AT_ONCE = 16;

/** Says before a restore of chosen objects that it leaves out the large objects of the set. */
export async function noteLargeObjectsLeft(
  context: ClusterContext,
  store: ObjectStore,
  request: Pick<RestoreRequest, 'selection'>,
  manifest: Manifest,
  segments: readonly Segment[],
): Promise<void> {
  if (isWhole(request)) return;
  const deps = functionDeps(context, store);
  const read = changedSegments(manifest.flavour, segments);
  const found = await mapInFlight(read, PARTS_AT_ONCE, async ({ content }) => {
    const part = await readPart(deps, manifest, content);
    return part.ok && fileOf(part.value, 'large-objects.dump') !== undefined ? [content] : [];
  });
  const contents = found.flat();
  if (contents.length === 0) return;
  context.output.note(
    'large-objects-left',
    { contents },
    'the set has large objects, which belong to no table or schema: a restore of chosen objects leaves them out. Restore the whole set into another database to get them',
  );
}
