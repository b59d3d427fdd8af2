import { ORDER_EXTENTS_MAX } from '../base/document.ts';
import type { Problem } from '../base/verdict.ts';
import type { ManifestRelation } from '../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore.ts';
import { COORDINATOR, loadsOnSegment } from './phases.ts';

/** How much of one content a restore is about. */
export type ContentVolume = RestorePlan['contents'][number] & {
  /** What orders are measured by; no plan tells. */
  readonly extents: number;
};

/**
 * Orders that would name more extents than one can: nobody could write them, or read them. Known before anything is begun, and told
 * with what to do about it.
 */
export function oversizedOrders(
  load: RestorePlan['load'],
  { target, verify }: Pick<RestoreRequest, 'target' | 'verify'>,
  chosen: ReadonlyMap<number, ManifestRelation>,
  volumes: readonly ContentVolume[],
  extentsMax = ORDER_EXTENTS_MAX,
): Problem[] {
  const extents = new Map<number, number>();
  const add = (content: number, more: number) =>
    extents.set(content, (extents.get(content) ?? 0) + more);
  const segments = target.contents.length - 1;
  for (const volume of load === 'coordinator' && !verify ? [] : volumes) {
    const { content } = volume;
    // The segments of a Greenplum of another size take turns at verifying.
    add(
      load === 'per-segment' || content === COORDINATOR ? content : content % segments,
      volume.extents,
    );
  }
  let loaded = 0;
  if (load !== 'per-segment') {
    for (const relation of chosen.values())
      if (!loadsOnSegment(load, relation)) loaded += relation.totals.extents;
    extents.set(COORDINATOR, Math.max(loaded, extents.get(COORDINATOR) ?? 0));
  }
  return [...extents].flatMap(([content, count]): Problem[] => {
    if (count <= extentsMax) return [];
    const message = `its order would name ${count} extents, and one can name ${extentsMax}: restore some tables at a time`;
    return [{ code: 'request-impossible', content, message }];
  });
}
