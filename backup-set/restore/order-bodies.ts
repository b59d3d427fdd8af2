import { FORMAT_VERSION } from '../base/document.ts';
import { StowageError } from '../base/errors.ts';
import type { MetadataFile, Phase } from '../base/keys.ts';
import type { Manifest, ManifestPart } from '../documents/manifest.ts';
import type { Relation } from '../documents/plan.ts';
import { type ObjectRef, objectRefShape } from '../documents/receipt.ts';
import type { Into } from '../documents/restore/names.ts';
import type {
  Order,
  OrderOf,
  RestoreRequest,
  SourceExtent,
  VerifyObject,
} from '../documents/restore/restore.ts';
import { targetName } from './names/into.ts';
import { isWhole } from './plan.ts';
import { existing, refreshesViews, restores } from './sections.ts';

/** The input of orders. The same input gives the same bytes. */
export interface OrderContext {
  readonly request: RestoreRequest;
  readonly manifest: Manifest;
}

/** Builds an order from parts of the manifest: `take` each part in `needs`, then `finish`. */
export interface OrderDraft {
  readonly content: number;
  /** Contents of the set whose parts `take` must get, in this order. */
  readonly needs: readonly number[];
  take(part: ManifestPart): void;
  finish(): Order;
}

/** A draft of an order that needs one part. */
export function draftFrom(
  content: number,
  part: number,
  orderFrom: (part: ManifestPart) => Order,
): OrderDraft {
  let made: Order | undefined;
  return {
    content,
    needs: [part],
    take(taken) {
      made = orderFrom(taken);
    },
    finish() {
      const order = made;
      // Many drafts exist at once; a finished order must not stay in memory with them.
      made = undefined;
      if (order === undefined)
        throw new StowageError(
          'internal',
          `the order for content ${content} was finished without its part of the manifest`,
        );
      return order;
    },
  };
}

/** The fields of every order. */
export function orderBase({ id, timestamp }: RestoreRequest, content: number) {
  return { format: 'stowage/order', version: FORMAT_VERSION, id, timestamp, content } as const;
}

/** The field of all orders that change the target, when the restore resumes another one. */
export function resumedBy({ resumes }: Pick<RestoreRequest, 'resumes'>) {
  return resumes === undefined ? {} : { resumes };
}

/** The field of an order that goes on after a statement that the server rejects. */
export function goesOn({ onError }: Pick<RestoreRequest, 'onError'>) {
  return onError === undefined ? {} : { onError };
}

/** What the orders of pre-data, data and post-data repeat of the request. */
export function choicesOf(request: Pick<RestoreRequest, 'noAcl' | 'onError'>) {
  return { ...(request.noAcl && { noAcl: request.noAcl }), ...goesOn(request) };
}

/** The fields of a relation in a data order, except its volume and extents. */
export function loadable(relation: Relation, into: Into | undefined) {
  const { id, columns, condition } = relation;
  const conditional = condition === undefined ? {} : { conditional: true as const };
  const { schema, name } = relation;
  const target = targetName(into, relation);
  const isRenamed = target.schema !== schema || target.name !== name;
  return {
    ...{ id, ...target, columns, ...conditional },
    ...(isRenamed && { source: { schema, name } }),
  };
}

export type Body<P extends Phase> = Omit<
  OrderOf<P>,
  'format' | 'version' | 'id' | 'timestamp' | 'content' | 'phase'
>;

/** @param names of the set. */
export function preData(
  part: ManifestPart,
  names: OrderOf<'analyze'>['relations'],
  request: RestoreRequest,
  into: Into | undefined,
): Body<'pre-data'> {
  const { mode, noOwner } = request;
  const globals = request.globals ? fileOf(part, 'globals.sql.zst') : undefined;
  const makesTables = mode !== 'truncate' && restores(request, 'pre-data');
  const schema = makesTables ? fileOf(part, 'schema.dump') : undefined;
  const tables = existing(request);
  return {
    mode,
    encoding: part.encoding,
    ...(part.locale && { locale: part.locale }),
    noOwner,
    ...(globals && { globals }),
    ...(globals && request.globalsMode && { globalsMode: request.globalsMode }),
    ...(schema && { schema }),
    ...chosenIn(names, request),
    relations: names.map((name) => targetName(into, name)),
    ...(tables && { existing: tables }),
    ...choicesOf(request),
    ...resumedBy(request),
    ...(into && { into }),
  };
}

/** @param names of the set. */
export function postData(
  part: ManifestPart,
  names: OrderOf<'analyze'>['relations'],
  request: RestoreRequest,
  into: Into | undefined,
): Body<'post-data'> {
  const makesObjects = request.mode !== 'truncate' && restores(request, 'post-data');
  const schema = makesObjects ? fileOf(part, 'schema.dump') : undefined;
  const sequences = restores(request, 'data') ? fileOf(part, 'sequences.sql.zst') : undefined;
  const views = refreshesViews(request) ? part.refresh : [];
  const isNew = request.mode === 'create';
  const globals = isNew ? fileOf(part, 'globals.sql.zst') : undefined;
  const properties = isNew && !makesObjects ? fileOf(part, 'schema.dump') : undefined;
  return {
    mode: request.mode,
    noOwner: request.noOwner,
    ...(globals && { globals }),
    ...(schema && { schema }),
    ...(properties && { properties }),
    ...chosenIn(names, request),
    ...(sequences && { sequences }),
    refresh: views,
    ...choicesOf(request),
    ...resumedBy(request),
    ...(into && { into }),
  };
}

/** What a shipper must know to choose entries of the schema archive. */
function chosenIn(only: OrderOf<'analyze'>['relations'], request: RestoreRequest) {
  if (isWhole(request)) return {};
  const { selection, sections } = request;
  return { only, selection, ...(sections && { sections }) };
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

/** Adds the extents of wanted relations to `byRelation`. @returns `byRelation`. */
export function extentsByRelation(
  { packs }: ManifestPart,
  isWanted: (relation: number) => boolean,
  byRelation = new Map<number, SourceExtent[]>(),
): Map<number, SourceExtent[]> {
  for (const { key, extents } of packs) {
    for (const { relation, digest: _, ...extent } of extents) {
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

/** The names of the chosen relations that a part has. */
export function namesIn(
  part: ManifestPart,
  chosen: ReadonlyMap<number, Relation>,
): { schema: string; name: string }[] {
  return part.relations.flatMap(({ relation }) => {
    const named = chosen.get(relation);
    return named === undefined ? [] : [{ schema: named.schema, name: named.name }];
  });
}
