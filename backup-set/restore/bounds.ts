import { ORDER_EXTENTS_MAX } from '../base/document.ts';
import type { Problem } from '../base/verdict.ts';
import { count, plural } from '../base/words.ts';
import type { ManifestRelation } from '../documents/manifest.ts';
import type { RestorePlan, RestoreRequest } from '../documents/restore/restore.ts';
import { targetOf } from './mapped/map.ts';
import { COORDINATOR, segmentLoads } from './phases.ts';

/** How much of one content a restore reads. */
export type ContentVolume = RestorePlan['contents'][number] & {
  /** Limits the size of orders; the restore plan does not have it. */
  readonly extents: number;
  /** With a map only: what is compared with other contents. */
  readonly shape?: ContentShape;
};

/** The chosen relations of a content, and the volume of those that are loaded once. */
export interface ContentShape {
  readonly relations: Uint32Array;
  readonly references: readonly {
    readonly relation: number;
    readonly rows: number;
    readonly bytes: number;
  }[];
}

/**
 * One problem for each order that would need more extents than ORDER_EXTENTS_MAX, so that it could
 * not be written or read. The message says what to do. Checked before the restore changes anything.
 */
export function oversizedOrders(
  load: RestorePlan['load'],
  request: Pick<RestoreRequest, 'target' | 'verify' | 'smallTableBytes' | 'map'>,
  chosen: ReadonlyMap<number, ManifestRelation>,
  volumes: readonly ContentVolume[],
  extentsMax = ORDER_EXTENTS_MAX,
): Problem[] {
  const { target, verify } = request;
  const extents = new Map<number, number>();
  const add = (content: number, more: number) =>
    extents.set(content, (extents.get(content) ?? 0) + more);
  const segments = target.contents.length - 1;
  for (const volume of load === 'coordinator' && !verify ? [] : volumes) {
    const { content } = volume;
    const isOwn = load === 'per-segment' || content === COORDINATOR;
    // With another number of segments, each segment verifies several contents.
    const reader = load === 'mapped' ? targetOf(request, content) : content % segments;
    add(isOwn ? content : reader, volume.extents);
  }
  let loaded = 0;
  if (load !== 'per-segment' && load !== 'mapped') {
    const onSegments = segmentLoads(load, request, chosen.values());
    for (const relation of chosen.values())
      if (!onSegments(relation)) loaded += relation.totals.extents;
    extents.set(COORDINATOR, Math.max(loaded, extents.get(COORDINATOR) ?? 0));
  }
  return [...extents].flatMap(([content, needed]): Problem[] => {
    if (needed <= extentsMax) return [];
    const message = `the order needs ${plural(needed, 'extent')}, more than the maximum of ${count(extentsMax)}: restore fewer tables at once`;
    return [{ code: 'request-impossible', content, message }];
  });
}
