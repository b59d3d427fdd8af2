import type { Phase } from '../base/keys.ts';
import type { ManifestContent, ManifestPart, ManifestRelation } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import type { Into } from '../documents/restore/names.ts';
import type {
  LoadRelation,
  RestorePlan,
  SourceExtent,
  VerifyObject,
} from '../documents/restore/restore.ts';
import { intoOf, targetName } from './names/into.ts';
import {
  choicesOf,
  draftFrom,
  extentsByRelation,
  goesOn,
  loadable,
  type OrderContext,
  type OrderDraft,
  objectsToVerify,
  orderBase,
  postData,
  preData,
  resumedBy,
} from './order-bodies.ts';
import { COORDINATOR, segmentLoads, workingContents } from './phases.ts';

type Chosen = ReadonlyMap<number, ManifestRelation>;

/**
 * The orders for a Greenplum target. The coordinator changes the database; the segments verify what
 * they will read, and pass rows on.
 */
export function coordinatedOrders(
  phase: Phase,
  load: RestorePlan['load'],
  chosen: Chosen,
  { request, manifest }: OrderContext,
): OrderDraft[] {
  const names = namesOf(chosen);
  const into = intoOf(request, chosen.values());
  const base = orderBase(request, COORDINATOR);
  const coordinator = manifest.contents.find(({ content }) => content === COORDINATOR);
  if (coordinator === undefined) return [];
  switch (phase) {
    case 'verify':
      return verifyOrders(chosen, { request, manifest });
    case 'pre-data':
      return [
        draftFrom(COORDINATOR, COORDINATOR, (part) => ({
          ...base,
          phase,
          ...preData(part, names, request, into),
          relations: [...chosen.values()].map((relation) => targetName(into, relation)),
        })),
      ];
    case 'data':
      return dataOrders(load, chosen, coordinator, { request, manifest });
    case 'post-data':
      return [
        draftFrom(COORDINATOR, COORDINATOR, (part) => ({
          ...base,
          phase,
          ...postData(part, names, request, into),
        })),
      ];
    case 'analyze':
      return [
        {
          content: COORDINATOR,
          needs: [],
          take: () => undefined,
          finish: () => ({
            ...base,
            phase,
            relations: rootsOf(chosen).map((name) => targetName(into, name)),
            ...goesOn(request),
          }),
        },
      ];
  }
}

/**
 * A target with fewer segments than the set has contents: each segment verifies several contents.
 */
function verifyOrders(chosen: Chosen, { request, manifest }: OrderContext): OrderDraft[] {
  const targets = workingContents(request, manifest);
  const segments = targets.length - 1;
  return targets.map((target): OrderDraft => {
    const objects: VerifyObject[][] = [];
    return {
      content: target,
      needs: manifest.contents
        .map(({ content }) => content)
        .filter(
          (content) =>
            (content === COORDINATOR || segments === 0 ? COORDINATOR : content % segments) ===
            target,
        ),
      take: (part) => objects.push(objectsToVerify(part, chosen, request)),
      finish: () => ({
        ...orderBase(request, target),
        phase: 'verify',
        objects: objects.splice(0).flat(),
      }),
    };
  });
}

function dataOrders(
  load: RestorePlan['load'],
  chosen: Chosen,
  { encoding }: ManifestContent,
  { request, manifest }: OrderContext,
): OrderDraft[] {
  const onSegments = segmentLoads(load, request, chosen.values());
  const into = intoOf(request, chosen.values());
  const { mode } = request;
  const how = { ...choicesOf(request), ...resumedBy(request) };
  const base = { phase: 'data', mode, encoding, ...how } as const;
  const handed = [...chosen.values()].filter(onSegments);
  const loaded = [...chosen.values()].filter((relation) => !onSegments(relation));
  const isLoaded = new Set(loaded.map(({ id }) => id));
  const extents = new Map<number, SourceExtent[]>();
  const loading: OrderDraft = {
    content: COORDINATOR,
    needs: loaded.some(({ totals }) => totals.rows > 0)
      ? manifest.contents.map(({ content }) => content)
      : [],
    take: (part) => extentsByRelation(part, (relation) => isLoaded.has(relation), extents),
    finish: () => {
      const relations = [...chosen.values()].map((relation) => ({
        ...loadable(relation, into),
        ...(!isLoaded.has(relation.id) && { onSegment: true as const }),
        rows: relation.totals.rows,
        bytes: relation.totals.bytes,
        extents: extents.get(relation.id) ?? [],
      }));
      // A finished order must not stay in memory with its draft.
      extents.clear();
      return { ...orderBase(request, COORDINATOR), ...base, role: 'load', relations };
    },
  };
  if (load !== 'on-segment') return [loading];
  const feeding = manifest.contents
    .filter(({ content }) => content !== COORDINATOR)
    .map(({ content }) =>
      draftFrom(content, content, (part) => ({
        ...orderBase(request, content),
        ...base,
        role: 'feed',
        relations: sharesOf(part, handed, into),
      })),
    );
  return [loading, ...feeding];
}

/** One content's share of these relations. An empty share is listed too: COPY starts everywhere. */
function sharesOf(
  part: ManifestPart,
  relations: readonly Relation[],
  into: Into | undefined,
): LoadRelation[] {
  const ids = new Set(relations.map(({ id }) => id));
  const extents = extentsByRelation(part, (relation) => ids.has(relation));
  const counts = new Map(part.relations.map((counted) => [counted.relation, counted]));
  return relations.map(({ id, schema, name, columns }) => ({
    id,
    ...targetName(into, { schema, name }),
    columns,
    rows: counts.get(id)?.rows ?? 0,
    bytes: counts.get(id)?.bytes ?? 0,
    extents: extents.get(id) ?? [],
  }));
}

/** Tables and partition roots: in 6, an archive has one entry for a root and all its leaves. */
function namesOf(chosen: Chosen) {
  return unique(
    [...chosen.values()].flatMap((relation) => [
      nameOf(relation),
      ...(relation.partitionRoot ? [relation.partitionRoot] : []),
    ]),
  );
}

/** ANALYZE of a root includes its leaves. */
function rootsOf(chosen: Chosen) {
  return unique([...chosen.values()].map((relation) => relation.partitionRoot ?? nameOf(relation)));
}

const nameOf = ({ schema, name }: Relation) => ({ schema, name });

function unique<T extends { readonly schema: string; readonly name: string }>(
  names: readonly T[],
): T[] {
  return [
    ...new Map(names.map((name) => [JSON.stringify([name.schema, name.name]), name])).values(),
  ];
}
