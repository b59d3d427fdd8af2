import { type Selector, selector } from '../../backup-set/base/selection.ts';
import type { DiscoveredRelation, NotShippedReason } from '../discovered.ts';
import type { NodeSnapshot, Wanted } from '../flavour.ts';
import type { Session } from '../session/session.ts';
import {
  type CatalogRelation,
  countLargeObjects,
  readCatalog,
  readGenerated,
  readViewUses,
} from './catalog.ts';
import { conditionOf } from './extension-tables.ts';
import { unreadableNames } from './names.ts';
import { readSizesOf, type SizesOptions } from './sizes.ts';

/** A relation to lock. The oid distinguishes it from a later relation of the same name. */
export interface Lockable {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** A relation to ship. */
export type LockedRelation = DiscoveredRelation & Lockable;

export type Discovery = Pick<NodeSnapshot, 'notShipped' | 'refresh' | 'largeObjects'> & {
  readonly relations: readonly LockedRelation[];
  /** Partitioned tables, at every level above the leaves. */
  readonly roots: readonly Lockable[];
};

export interface DiscoveryOptions {
  /** How sizes are read; absent = none are. */
  readonly sizes?: SizesOptions;
  /** How the catalogs are read; absent = as on PostgreSQL. */
  readonly catalog?: (session: Session) => Promise<CatalogRelation[]>;
}

/**
 * What a backup of this database ships, what it leaves out, and why. Under a snapshot and with
 * locked
 * relations it is exact, and can read sizes. Before that it is the list of relations to lock.
 */
export async function discoverRelations(
  session: Session,
  selection: Wanted,
  options: DiscoveryOptions = {},
): Promise<Discovery> {
  const catalog = await (options.catalog ?? readCatalog)(session).catch(async (error: unknown) => {
    throw await unreadableNames(session, error);
  });
  const selects = selector(selection);
  const isShipped = { selects, unloggedRows: selection.unloggedRows !== false };
  const relations: LockedRelation[] = [];
  const notShipped: NodeSnapshot['notShipped'][number][] = [];
  for (const relation of catalog) {
    const reason = reasonNotToShip(relation, isShipped);
    if (reason === undefined) relations.push(toShip(relation));
    else
      notShipped.push({
        schema: relation.schema,
        name: relation.name,
        kind: KINDS[relation.relkind],
        reason,
        partitionRoot: rootOf(relation) ?? null,
      });
  }
  const refresh = catalog.filter(
    ({ relkind, isPopulated, isExtensionMember, ...relation }) =>
      relkind === 'm' && isPopulated && !isExtensionMember && selects(relation),
  );
  return {
    relations: options.sizes ? await sized(session, relations, options.sizes) : relations,
    roots: catalog
      .filter(({ relkind }) => relkind === 'p')
      .map(({ oid, schema, name }) => ({ oid, schema, name })),
    notShipped,
    refresh:
      refresh.length < 2
        ? refresh.map(nameOf)
        : inRefreshOrder(refresh, await readViewUses(session)).map(nameOf),
    largeObjects: await countLargeObjects(session),
  };
}

const KINDS = {
  r: 'table',
  p: 'partitioned-table',
  f: 'foreign-table',
  x: 'external-table',
  m: 'materialized-view',
} as const;

/** The kind decides before the selection: a foreign table is never shipped. */
function reasonNotToShip(
  relation: CatalogRelation,
  { selects, unloggedRows }: { readonly selects: Selector; readonly unloggedRows: boolean },
): NotShippedReason | undefined {
  if (relation.isExtensionMember && relation.extensionCondition === null) return 'extension-member';
  if (relation.relkind === 'f') return 'foreign';
  if (relation.relkind === 'x') return 'external';
  if (relation.relkind === 'm') return 'materialized-view';
  if (relation.relkind === 'p') return 'partitioned-root';
  if (relation.unlogged && !unloggedRows) return 'unlogged';
  return selects(relation, rootOf(relation)) ? undefined : 'excluded';
}

function toShip(relation: CatalogRelation): LockedRelation {
  const root = rootOf(relation);
  const condition = conditionOf(relation.extensionCondition);
  return {
    oid: relation.oid,
    schema: relation.schema,
    name: relation.name,
    kind: relation.isPartition ? 'partition' : 'table',
    columns: relation.columns,
    types: relation.types,
    bytesEstimated: 0,
    ...(condition === undefined ? {} : { condition }),
    ...(relation.replicated === true ? { replicated: true } : {}),
    ...(relation.redistribute === true ? { redistribute: true } : {}),
    ...(typeof relation.segments === 'number' ? { segments: relation.segments } : {}),
    ...(root === undefined ? {} : { partitionRoot: root }),
  };
}

async function sized(
  session: Session,
  relations: readonly LockedRelation[],
  options: SizesOptions,
): Promise<LockedRelation[]> {
  const oids = relations.map(({ oid }) => oid);
  const sizes = await readSizesOf(session, oids, options);
  const generated = await readGenerated(session, oids);
  return relations.map((relation) => ({
    ...relation,
    generated: (generated.get(relation.oid) ?? []).map(({ name, type, expression }) => ({
      name,
      type,
      expression,
    })),
    bytesEstimated: sizes.get(relation.oid) ?? 0,
  }));
}

function rootOf({
  rootSchema,
  rootName,
}: CatalogRelation): { schema: string; name: string } | undefined {
  return rootSchema === null || rootName === null
    ? undefined
    : { schema: rootSchema, name: rootName };
}

const nameOf = ({ schema, name }: CatalogRelation) => ({ schema, name });

/** Orders each materialized view after those that it reads, directly or through plain views. */
function inRefreshOrder(
  views: readonly CatalogRelation[],
  uses: readonly { readonly view: number; readonly uses: number }[],
): CatalogRelation[] {
  const usedBy = Map.groupBy(uses, ({ view }) => view);
  const byOid = new Map(views.map((view) => [view.oid, view]));
  const ordered: CatalogRelation[] = [];
  const seen = new Set<number>();
  const visit = (oid: number) => {
    if (seen.has(oid)) return;
    seen.add(oid);
    for (const { uses: next } of usedBy.get(oid) ?? []) visit(next);
    const view = byOid.get(oid);
    if (view !== undefined) ordered.push(view);
  };
  for (const view of views) visit(view.oid);
  return ordered;
}
