import type { Discovery, LockedRelation } from '../../catalog/relations.ts';
import type { NodeSnapshot } from '../../flavour.ts';
import type { Session } from '../../session/session.ts';

type NodeWork = Pick<
  NodeSnapshot,
  'definitions' | 'relations' | 'notShipped' | 'refresh' | 'largeObjects'
>;

interface Work {
  readonly coordinator: NodeWork;
  readonly segment: NodeWork;
}

interface WorkOptions {
  readonly segments: number;
  /** Of all segments together, by oid. */
  readonly bytes: ReadonlyMap<number, number>;
  /**
   * Tables of fewer bytes, on all segments together, are read through the coordinator: to start a
   * program on each segment costs more than to send them through one host.
   */
  readonly smallTableBytes: number;
}

/** What the coordinator ships, and what each segment ships. */
export function workOf({ relations, notShipped, refresh }: Discovery, options: WorkOptions): Work {
  const { segments, smallTableBytes } = options;
  const sized = relations.map((relation) => {
    // The sum counts every copy of a replicated table.
    const copies = relation.replicated === true ? segments : 1;
    return { ...relation, bytesEstimated: (options.bytes.get(relation.oid) ?? 0) / copies };
  });
  const isSmall = ({ bytesEstimated }: LockedRelation) => bytesEstimated < smallTableBytes;
  const own = sized
    .filter((relation) => isSentByCoordinator(relation) || isSmall(relation))
    .map((relation) =>
      isSentByCoordinator(relation) ? relation : { ...relation, fromCoordinator: true as const },
    );
  const shares = sized.filter((relation) => !isSentByCoordinator(relation) && !isSmall(relation));
  return {
    coordinator: {
      definitions: true,
      relations: listed(own, 1),
      notShipped,
      refresh,
      largeObjects: 0,
    },
    segment: {
      definitions: false,
      relations: listed(shares, segments),
      notShipped: [],
      refresh: [],
      largeObjects: 0,
    },
  };
}

/**
 * With ON SEGMENT each segment would send all rows of a replicated table, and a condition cannot be
 * applied: the coordinator sends these rows.
 */
export function isSentByCoordinator({
  replicated,
  condition,
}: Pick<LockedRelation, 'replicated' | 'condition'>): boolean {
  return replicated === true || condition !== undefined;
}

/** Whole bytes: the format allows no fractions. */
const listed = (list: readonly LockedRelation[], share: number) =>
  list.map(({ oid: _, bytesEstimated, ...relation }) => ({
    ...relation,
    bytesEstimated: Math.ceil(bytesEstimated / share),
  }));

/**
 * The bytes of these tables on all segments now, with the values stored out of line, by oid. One
 * statement in which each segment looks at its own files; call it under locks on the tables. A
 * segment's last block counts as empty: a row on each of a hundred segments is not 3 MB.
 */
export async function sizesOnSegments(
  session: Session,
  oids: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  const bytesOf = (oid: string) =>
    `greatest(coalesce(pg_catalog.pg_relation_size(${oid}), 0) - current_setting('block_size')::int8, 0)`;
  const rows = await session.query<{ oid: number; bytes: number }>(
    `SELECT c.oid::int8::float8 AS oid,
            sum(${bytesOf('c.oid')} + CASE WHEN c.reltoastrelid = 0 THEN 0 ELSE ${bytesOf('c.reltoastrelid')} END)::float8 AS bytes
     FROM gp_dist_random('pg_catalog.pg_class') c
     JOIN (SELECT unnest($1::int8[]::oid[]) AS oid) wanted ON wanted.oid = c.oid GROUP BY c.oid`,
    [oids],
  );
  return new Map(rows.map(({ oid, bytes }) => [oid, bytes]));
}
