import { FORMAT_VERSION } from './documents.ts';
import type { MetadataFile, Phase } from './keys.ts';
import type { Manifest, ManifestContent } from './manifest.ts';
import type { Relation } from './plan.ts';
import { type StoredAs, storedAs } from './receipt.ts';
import type { LoadRelation, Order, OrderOf, RestoreRequest, SourceExtent, VerifyObject } from './restore.ts';
import { chosenRelations, isWhole } from './restore-plan.ts';
import { selects } from './selection.ts';

/** Everything needed to write orders; the same input gives the same bytes. */
export interface OrderContext {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
}

/** The orders of one phase, one per content. Every extent that is wanted is in exactly one data order. */
export function ordersFor(phase: Phase, context: OrderContext): Order[] {
  const chosen = chosenRelations(context.request, context.manifest);
  return context.manifest.contents.map((content) => orderFor(phase, content, chosen, context));
}

function orderFor(
  phase: Phase,
  content: ManifestContent,
  chosen: ReadonlyMap<number, Relation>,
  context: OrderContext,
): Order {
  const { request } = context;
  const base = {
    format: 'stowage/order',
    version: FORMAT_VERSION,
    id: request.id,
    timestamp: request.timestamp,
    content: content.content,
  } as const;
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

type Body<P extends Phase> = Omit<
  OrderOf<P>,
  'format' | 'version' | 'id' | 'timestamp' | 'content' | 'phase'
>;

function preData(
  content: ManifestContent,
  names: OrderOf<'analyze'>['relations'],
  request: RestoreRequest,
): Body<'pre-data'> {
  const { mode, noOwner } = request;
  const globals = request.globals ? fileOf(content, 'globals.sql.zst') : undefined;
  const schema = mode === 'truncate' ? undefined : fileOf(content, 'schema.dump');
  return {
    mode,
    encoding: content.encoding,
    ...(content.locale && { locale: content.locale }),
    noOwner,
    ...(globals && { globals }),
    ...(schema && { schema }),
    ...(isWhole(request) ? {} : { only: names }),
    relations: names,
  };
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
    const { schema, name, columns } = named;
    relations.push({ schema, name, columns, rows, bytes, extents: extents.get(relation) ?? [] });
  }
  // Emptying tables says nothing about large objects: only a whole set into a database of its own brings them back.
  const largeObjects =
    isWhole(request) && request.mode !== 'truncate' ? fileOf(content, 'large-objects.dump') : undefined;
  return { encoding: content.encoding, relations, ...(largeObjects && { largeObjects }) };
}

function postData(
  content: ManifestContent,
  names: OrderOf<'analyze'>['relations'],
  request: RestoreRequest,
): Body<'post-data'> {
  const schema = request.mode === 'truncate' ? undefined : fileOf(content, 'schema.dump');
  const sequences = fileOf(content, 'sequences.sql.zst');
  return {
    mode: request.mode,
    noOwner: request.noOwner,
    ...(schema && { schema }),
    ...(isWhole(request) ? {} : { only: names }),
    ...(sequences && { sequences }),
    refresh: isWhole(request)
      ? content.refresh
      : content.refresh.filter((name) => selects(request.selection, name)),
  };
}

function objectsToVerify(
  content: ManifestContent,
  chosen: ReadonlyMap<number, Relation>,
  request: RestoreRequest,
): VerifyObject[] {
  const objects: VerifyObject[] = content.metadata
    .filter(({ file }) => file !== 'globals.sql.zst' || request.globals)
    .map((stored) => storedAs(stored));
  for (const pack of content.packs) {
    const extents = pack.extents.flatMap(({ relation, offset, length, crc32 }) => {
      const named = chosen.get(relation);
      return named === undefined
        ? []
        : [{ offset, length, crc32, relation: { schema: named.schema, name: named.name } }];
    });
    if (extents.length > 0) objects.push({ ...storedAs(pack), extents });
  }
  return objects;
}

function extentsByRelation({ packs }: ManifestContent): Map<number, SourceExtent[]> {
  const byRelation = new Map<number, SourceExtent[]>();
  for (const { key, extents } of packs) {
    for (const { relation, ...extent } of extents) {
      const list = byRelation.get(relation) ?? [];
      list.push({ key, ...extent });
      byRelation.set(relation, list);
    }
  }
  return byRelation;
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

function fileOf({ metadata }: ManifestContent, file: MetadataFile): StoredAs | undefined {
  const found = metadata.find((candidate) => candidate.file === file);
  return found === undefined ? undefined : storedAs(found);
}
