import type { Phase } from './keys.ts';
import type { Manifest, ManifestContent } from './manifest.ts';
import {
  extentsByRelation,
  loadable,
  type OrderContext,
  objectsToVerify,
  orderBase,
  postData,
  preData,
} from './order-bodies.ts';
import type { Relation } from './plan.ts';
import type { LoadRelation, Order, RestorePlan, SourceExtent } from './restore.ts';
import { COORDINATOR } from './restore-phases.ts';

type Chosen = ReadonlyMap<number, Relation>;

/** The orders of a Greenplum: its coordinator changes everything, its segments check what they will read, and hand rows over. */
export function coordinatedOrders(
  phase: Phase,
  load: RestorePlan['load'],
  chosen: Chosen,
  { request, manifest }: OrderContext,
): Order[] {
  const names = namesOf(chosen);
  const base = orderBase(request, COORDINATOR);
  const coordinator = manifest.contents.find(({ content }) => content === COORDINATOR);
  if (coordinator === undefined) return [];
  switch (phase) {
    case 'verify':
      return verifyOrders(chosen, { request, manifest });
    case 'pre-data':
      return [
        {
          ...base,
          phase,
          ...preData(coordinator, names, request),
          relations: [...chosen.values()].map(nameOf),
        },
      ];
    case 'data':
      return dataOrders(load, chosen, coordinator, { request, manifest });
    case 'post-data':
      return [{ ...base, phase, ...postData(coordinator, names, request) }];
    case 'analyze':
      return [{ ...base, phase, relations: rootsOf(chosen) }];
  }
}

/** A smaller target has fewer segments than the set has contents: they take turns. */
function verifyOrders(chosen: Chosen, { request, manifest }: OrderContext): Order[] {
  const targets = request.target.contents.map(({ content }) => content).sort((a, b) => a - b);
  const segments = targets.length - 1;
  return targets.map((target) => ({
    ...orderBase(request, target),
    phase: 'verify',
    objects: manifest.contents
      .filter(({ content }) => (content === COORDINATOR ? COORDINATOR : content % segments) === target)
      .flatMap((content) => objectsToVerify(content, chosen, request)),
  }));
}

function dataOrders(
  load: RestorePlan['load'],
  chosen: Chosen,
  { encoding }: ManifestContent,
  { request, manifest }: OrderContext,
): Order[] {
  const wholes = wholeRelations(chosen, manifest);
  const base = { phase: 'data', encoding } as const;
  const onSegments = (relation: LoadRelation) =>
    load === 'on-segment' && staysOnSegment(chosen.get(relation.id)) && relation.rows > 0;
  const loading: Order = {
    ...orderBase(request, COORDINATOR),
    ...base,
    role: 'load',
    relations: wholes.map((whole) =>
      onSegments(whole) ? { ...whole, onSegment: true as const, extents: [] } : whole,
    ),
  };
  if (load !== 'on-segment') return [loading];
  const handed = wholes.filter(onSegments);
  const feeding = manifest.contents
    .filter(({ content }) => content !== COORDINATOR)
    .map(
      (content): Order => ({
        ...orderBase(request, content.content),
        ...base,
        role: 'feed',
        relations: sharesOf(content, handed),
      }),
    );
  return [loading, ...feeding];
}

/** Rows of content i belong on segment i of every database. */
const staysOnSegment = (relation: Relation | undefined) =>
  relation?.replicated !== true && relation?.redistribute !== true && relation?.condition === undefined;

/** Every chosen relation with the rows and frames of all contents. */
function wholeRelations(chosen: Chosen, manifest: Manifest): LoadRelation[] {
  const counts = new Map([...chosen.keys()].map((id) => [id, { rows: 0, bytes: 0 }]));
  const extents = new Map<number, SourceExtent[]>();
  for (const content of manifest.contents) {
    for (const { relation, rows, bytes } of content.relations) {
      const count = counts.get(relation);
      if (count === undefined) continue;
      count.rows += rows;
      count.bytes += bytes;
    }
    for (const [relation, list] of extentsByRelation(content)) {
      const known = extents.get(relation);
      if (known === undefined) extents.set(relation, [...list]);
      else for (const extent of list) known.push(extent);
    }
  }
  return [...chosen.values()].map((relation) => ({
    ...loadable(relation),
    rows: 0,
    bytes: 0,
    ...counts.get(relation.id),
    extents: extents.get(relation.id) ?? [],
  }));
}

/** What one content has of these relations; none is an answer too, as the program is started on every segment. */
function sharesOf(content: ManifestContent, relations: readonly LoadRelation[]): LoadRelation[] {
  const extents = extentsByRelation(content);
  const counts = new Map(content.relations.map((counted) => [counted.relation, counted]));
  return relations.map(({ id, schema, name, columns }) => ({
    id,
    schema,
    name,
    columns,
    rows: counts.get(id)?.rows ?? 0,
    bytes: counts.get(id)?.bytes ?? 0,
    extents: extents.get(id) ?? [],
  }));
}

/** Tables with the roots of partitions: up to 6 an archive holds a partitioned table with all its leaves as one entry. */
function namesOf(chosen: Chosen) {
  return unique(
    [...chosen.values()].flatMap((relation) => [
      nameOf(relation),
      ...(relation.partitionRoot ? [relation.partitionRoot] : []),
    ]),
  );
}

/** A root is analyzed with its leaves. */
function rootsOf(chosen: Chosen) {
  return unique([...chosen.values()].map((relation) => relation.partitionRoot ?? nameOf(relation)));
}

const nameOf = ({ schema, name }: Relation) => ({ schema, name });

function unique<T extends { readonly schema: string; readonly name: string }>(names: readonly T[]): T[] {
  return [...new Map(names.map((name) => [JSON.stringify([name.schema, name.name]), name])).values()];
}
