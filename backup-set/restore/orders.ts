import type { Phase } from '../base/keys.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import type { Into } from '../documents/restore/names.ts';
import type { LoadRelation, Order, RestoreRequest } from '../documents/restore/restore.ts';
import { coordinatedOrders } from './coordinated.ts';
import { mappedOrders } from './mapped/orders.ts';
import { intoOf, targetName } from './names/into.ts';
import {
  type Body,
  choicesOf,
  draftFrom,
  extentsByRelation,
  fileOf,
  goesOn,
  loadable,
  namesIn,
  type OrderContext,
  type OrderDraft,
  objectsToVerify,
  orderBase,
  postData,
  preData,
  resumedBy,
} from './order-bodies.ts';
import { loadStrategy, restoredContents } from './phases.ts';
import { bringsLargeObjects, chosenRelations, loadedRelations } from './plan.ts';

/** The orders of one phase, one per content. Each chosen extent is in exactly one data order. */
export function draftOrders(phase: Phase, context: OrderContext): OrderDraft[] {
  const drafts = plainOrders(phase, context);
  if (context.manifest.encryption === undefined) return drafts;
  return drafts.map((draft) => ({
    ...draft,
    finish: () => ({ ...draft.finish(), encrypted: true }),
  }));
}

function plainOrders(phase: Phase, context: OrderContext): OrderDraft[] {
  const { request, manifest } = context;
  const chosen = (phase === 'verify' ? loadedRelations : chosenRelations)(request, manifest);
  const load = loadStrategy(request, manifest);
  if (load === 'mapped') return mappedOrders(phase, chosen, context);
  if (load !== 'per-segment') return coordinatedOrders(phase, load, chosen, context);
  const into = intoOf(request, chosen.values());
  return restoredContents(request, manifest.contents).map(({ content }) =>
    draftFrom(content, content, (part) => orderFor(phase, part, chosen, { request, into })),
  );
}

interface Asked {
  readonly request: RestoreRequest;
  readonly into: Into | undefined;
}

function orderFor(
  phase: Phase,
  part: ManifestPart,
  chosen: ReadonlyMap<number, Relation>,
  { request, into }: Asked,
): Order {
  const base = orderBase(request, part.content);
  const names = namesIn(part, chosen);
  switch (phase) {
    case 'verify':
      return { ...base, phase, objects: objectsToVerify(part, chosen, request) };
    case 'pre-data':
      return { ...base, phase, ...preData(part, names, request, into) };
    case 'data':
      return { ...base, phase, ...data(part, chosen, { request, into }) };
    case 'post-data':
      return { ...base, phase, ...postData(part, names, request, into) };
    case 'analyze':
      return {
        ...base,
        phase,
        relations: names.map((name) => targetName(into, name)),
        ...goesOn(request),
      };
  }
}

function data(
  part: ManifestPart,
  chosen: ReadonlyMap<number, Relation>,
  { request, into }: Asked,
): Body<'data'> {
  const extents = extentsByRelation(part, (relation) => chosen.has(relation));
  const relations: LoadRelation[] = [];
  for (const { relation, rows, bytes } of part.relations) {
    const named = chosen.get(relation);
    if (named === undefined) continue;
    const loads = loadable(named, into);
    relations.push({ ...loads, rows, bytes, extents: extents.get(relation) ?? [] });
  }
  const largeObjects = bringsLargeObjects(request) ? fileOf(part, 'large-objects.dump') : undefined;
  return {
    mode: request.mode,
    role: 'load',
    encoding: part.encoding,
    relations,
    ...(largeObjects && { largeObjects }),
    ...choicesOf(request),
    ...(largeObjects && request.noOwner && { noOwner: true as const }),
    ...resumedBy(request),
  };
}
