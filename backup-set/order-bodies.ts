import { FORMAT_VERSION } from './documents.ts';
import type { MetadataFile, Phase } from './keys.ts';
import type { Manifest, ManifestContent } from './manifest.ts';
import type { Relation } from './plan.ts';
import { type StoredAs, storedAs } from './receipt.ts';
import type { OrderOf, RestoreRequest, SourceExtent, VerifyObject } from './restore.ts';
import { isWhole } from './restore-plan.ts';
import { selects } from './selection.ts';

/** Everything needed to write orders; the same input gives the same bytes. */
export interface OrderContext {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
}

/** What every order begins with. */
export function orderBase({ id, timestamp }: RestoreRequest, content: number) {
  return { format: 'stowage/order', version: FORMAT_VERSION, id, timestamp, content } as const;
}

/** What an order says of a relation beside its volume. */
export function loadable({ id, schema, name, columns }: Relation) {
  return { id, schema, name, columns };
}

export type Body<P extends Phase> = Omit<
  OrderOf<P>,
  'format' | 'version' | 'id' | 'timestamp' | 'content' | 'phase'
>;

export function preData(
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

export function postData(
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

export function objectsToVerify(
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

export function extentsByRelation({ packs }: ManifestContent): Map<number, SourceExtent[]> {
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

export function fileOf({ metadata }: ManifestContent, file: MetadataFile): StoredAs | undefined {
  const found = metadata.find((candidate) => candidate.file === file);
  return found === undefined ? undefined : storedAs(found);
}
