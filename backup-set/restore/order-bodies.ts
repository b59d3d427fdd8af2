import { FORMAT_VERSION } from '../base/document.ts';
import { StowageError } from '../base/errors.ts';
import type { MetadataFile, Phase } from '../base/keys.ts';
import { selects } from '../base/selection.ts';
import type { Manifest, ManifestPart } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import { type ObjectRef, objectRefShape } from '../documents/receipt.ts';
import type {
  Order,
  OrderOf,
  RestoreRequest,
  SourceExtent,
  VerifyObject,
} from '../documents/restore.ts';
import { isWhole } from './plan.ts';

/** Everything needed to write orders; the same input gives the same bytes. */
export interface OrderContext {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
}

/** An order in the making: it is shown the parts that it needs, one after the other, and is finished then. */
export interface OrderDraft {
  readonly content: number;
  /** Contents of the set, in the order in which their parts are taken. */
  readonly needs: readonly number[];
  take(part: ManifestPart): void;
  finish(): Order;
}

/** A draft that needs the part of one content. */
export function draftFrom(
  content: number,
  part: number,
  orderFrom: (part: ManifestPart) => Order,
): OrderDraft {
  let made: Order | undefined;
  return {
    content,
    needs: [part],
    take(shown) {
      made = orderFrom(shown);
    },
    finish() {
      const order = made;
      // Drafts wait together, orders must not.
      made = undefined;
      if (order === undefined)
        throw new StowageError('internal', `an order for content ${content} was shown no part`);
      return order;
    },
  };
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
  part: ManifestPart,
  names: OrderOf<'analyze'>['relations'],
  request: RestoreRequest,
): Body<'pre-data'> {
  const { mode, noOwner } = request;
  const globals = request.globals ? fileOf(part, 'globals.sql.zst') : undefined;
  const schema = mode === 'truncate' ? undefined : fileOf(part, 'schema.dump');
  return {
    mode,
    encoding: part.encoding,
    ...(part.locale && { locale: part.locale }),
    noOwner,
    ...(globals && { globals }),
    ...(schema && { schema }),
    ...(isWhole(request) ? {} : { only: names }),
    relations: names,
  };
}

export function postData(
  part: ManifestPart,
  names: OrderOf<'analyze'>['relations'],
  request: RestoreRequest,
): Body<'post-data'> {
  const schema = request.mode === 'truncate' ? undefined : fileOf(part, 'schema.dump');
  const sequences = fileOf(part, 'sequences.sql.zst');
  return {
    mode: request.mode,
    noOwner: request.noOwner,
    ...(schema && { schema }),
    ...(isWhole(request) ? {} : { only: names }),
    ...(sequences && { sequences }),
    refresh: isWhole(request)
      ? part.refresh
      : part.refresh.filter((name) => selects(request.selection, name)),
  };
}

export function objectsToVerify(
  part: ManifestPart,
  chosen: ReadonlyMap<number, Relation>,
  request: RestoreRequest,
): VerifyObject[] {
  const objects: VerifyObject[] = part.metadata
    .filter(({ file }) => file !== 'globals.sql.zst' || request.globals)
    .map((stored) => objectRefShape(stored));
  for (const pack of part.packs) {
    const extents = pack.extents.flatMap(({ relation, offset, length, crc32 }) => {
      const named = chosen.get(relation);
      return named === undefined
        ? []
        : [{ offset, length, crc32, relation: { schema: named.schema, name: named.name } }];
    });
    if (extents.length > 0) objects.push({ ...objectRefShape(pack), extents });
  }
  return objects;
}

/** Adds the extents of the relations that are wanted to what is there of them. */
export function extentsByRelation(
  { packs }: ManifestPart,
  isWanted: (relation: number) => boolean,
  byRelation = new Map<number, SourceExtent[]>(),
): Map<number, SourceExtent[]> {
  for (const { key, extents } of packs) {
    for (const { relation, ...extent } of extents) {
      if (!isWanted(relation)) continue;
      const list = byRelation.get(relation) ?? [];
      list.push({ key, ...extent });
      byRelation.set(relation, list);
    }
  }
  return byRelation;
}

export function fileOf({ metadata }: ManifestPart, file: MetadataFile): ObjectRef | undefined {
  const found = metadata.find((candidate) => candidate.file === file);
  return found === undefined ? undefined : objectRefShape(found);
}
