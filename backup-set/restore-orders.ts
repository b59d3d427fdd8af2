import type { Phase } from './keys.ts';
import type { ManifestContent } from './manifest.ts';
import {
  type Body,
  extentsByRelation,
  fileOf,
  loadable,
  type OrderContext,
  objectsToVerify,
  orderBase,
  postData,
  preData,
} from './order-bodies.ts';
import type { Relation } from './plan.ts';
import type { LoadRelation, Order, RestoreRequest } from './restore.ts';
import { coordinatedOrders } from './restore-coordinated.ts';
import { loadWay } from './restore-phases.ts';
import { chosenRelations, isWhole } from './restore-plan.ts';

/** The orders of one phase, one per content. Every extent that is wanted is in exactly one data order. */
export function ordersFor(phase: Phase, context: OrderContext): Order[] {
  const chosen = chosenRelations(context.request, context.manifest);
  const load = loadWay(context.request, context.manifest);
  if (load !== 'each') return coordinatedOrders(phase, load, chosen, context);
  return context.manifest.contents.map((content) => orderFor(phase, content, chosen, context));
}

function orderFor(
  phase: Phase,
  content: ManifestContent,
  chosen: ReadonlyMap<number, Relation>,
  context: OrderContext,
): Order {
  const { request } = context;
  const base = orderBase(request, content.content);
  const names = namesIn(content, chosen);
  switch (phase) {
    case 'verify':
      return { ...base, phase, objects: objectsToVerify(content, chosen, request) };
    case 'pre-data':
      return { ...base, phase, ...preData(content, names, request) };
    case 'data':
      return { ...base, phase, ...data(content, chosen, request) };
    case 'post-data':
      return { ...base, phase, ...postData(content, names, request) };
    case 'analyze':
      return { ...base, phase, relations: names };
  }
}

function data(
  content: ManifestContent,
  chosen: ReadonlyMap<number, Relation>,
  request: RestoreRequest,
): Body<'data'> {
  const extents = extentsByRelation(content);
  const relations: LoadRelation[] = [];
  for (const { relation, rows, bytes } of content.relations) {
    const named = chosen.get(relation);
    if (named === undefined) continue;
    relations.push({ ...loadable(named), rows, bytes, extents: extents.get(relation) ?? [] });
  }
  // Emptying tables says nothing about large objects: only a whole set into a database of its own brings them back.
  const largeObjects =
    isWhole(request) && request.mode !== 'truncate' ? fileOf(content, 'large-objects.dump') : undefined;
  return { role: 'load', encoding: content.encoding, relations, ...(largeObjects && { largeObjects }) };
}

function namesIn(
  content: ManifestContent,
  chosen: ReadonlyMap<number, Relation>,
): { schema: string; name: string }[] {
  return content.relations.flatMap(({ relation }) => {
    const named = chosen.get(relation);
    return named === undefined ? [] : [{ schema: named.schema, name: named.name }];
  });
}
