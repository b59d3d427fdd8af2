import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { tableFacts, triggerStatements } from './facts.ts';
import { type LoadTransaction, prepareTable } from './load-transaction.ts';

/** A partitioned table that is no partition itself, and all tables below it. */
export interface PartitionTree {
  readonly root: QualifiedName;
  /** Partitioned tables at every level, the root first. */
  readonly partitioned: readonly QualifiedName[];
  readonly leaves: readonly QualifiedName[];
}

/**
 * The root of each table that is a partition in the target, by the table's place in the list.
 * Servers without declarative partitions (Greenplum 6) have none.
 */
export async function partitionRoots(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<ReadonlyMap<number, QualifiedName>> {
  const rows = await session.query<QualifiedName & { at: number }>(
    `WITH RECURSIVE up(at, level, oid) AS (
         SELECT w.at::int - 1, 0, c.oid
         FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)
         JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
         JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
       UNION ALL
         SELECT up.at, up.level + 1, p.oid
         FROM up JOIN pg_catalog.pg_inherits i ON i.inhrelid = up.oid
         JOIN pg_catalog.pg_class p ON p.oid = i.inhparent AND p.relkind = 'p')
     SELECT DISTINCT ON (up.at) up.at, n.nspname::text AS schema, c.relname::text AS name
     FROM up JOIN pg_catalog.pg_class c ON c.oid = up.oid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE up.level > 0 ORDER BY up.at, up.level DESC`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Map(rows.map(({ at, schema, name }) => [at, { schema, name }]));
}

/**
 * The places of the tables that are partitioned in the target. Their rows are in their partitions:
 * `ONLY` sees none. A set that another tool made can have rows of such a table.
 */
export async function partitionedTables(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<ReadonlySet<number>> {
  if (tables.length === 0) return new Set();
  // Greenplum 6 has partitions of its own, of relkind r.
  const isPartitioned =
    session.target.greenplum === 6
      ? `EXISTS (SELECT 1 FROM pg_catalog.pg_partition p WHERE p.parrelid = c.oid AND NOT p.paristemplate)`
      : `c.relkind = 'p'`;
  const rows = await session.query<{ at: number }>(
    `SELECT w.at::int - 1 AS at
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
     WHERE ${isPartitioned}`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Set(rows.map(({ at }) => at));
}

/** All tables of the target below a root. */
export async function partitionTree(session: Session, root: QualifiedName): Promise<PartitionTree> {
  const rows = await session.query<QualifiedName & { kind: string }>(
    `WITH RECURSIVE down(level, oid) AS (
         SELECT 0, $1::pg_catalog.regclass::oid
       UNION ALL
         SELECT down.level + 1, i.inhrelid
         FROM down JOIN pg_catalog.pg_inherits i ON i.inhparent = down.oid)
     SELECT n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind
     FROM down JOIN pg_catalog.pg_class c ON c.oid = down.oid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     ORDER BY down.level, n.nspname, c.relname`,
    [quoteQualified(root)],
  );
  const named = (wanted: boolean) =>
    rows
      .filter(({ kind }) => (kind === 'p') === wanted)
      .map(({ schema, name }) => ({ schema, name }));
  return { root, partitioned: named(true), leaves: named(false) };
}

/**
 * Begins the transaction that loads partitions through their root: the server chooses the leaf of
 * each row. No other session can write to any leaf, and no trigger fires. `partitions` are then
 * empty; the other leaves keep their rows.
 * @throws StowageError as `beginLoad`.
 */
export async function beginRootLoad(
  session: Session,
  { root, partitioned, leaves }: PartitionTree,
  partitions: readonly QualifiedName[],
  mode: RestoreRequest['mode'],
): Promise<LoadTransaction> {
  await session.script(`BEGIN ISOLATION LEVEL READ COMMITTED;
    LOCK TABLE ${quoteQualified(root)} IN SHARE ROW EXCLUSIVE MODE`);
  const tables = [...partitioned, ...leaves];
  const facts = await tableFacts(session, tables);
  const factsOf = new Map(tables.map((table, at) => [quoteQualified(table), facts.get(at)]));
  const enable: string[] = [];
  for (const table of tables) {
    const known = factsOf.get(quoteQualified(table));
    const triggers = known && triggerStatements(table, known);
    if (triggers === undefined) continue;
    await session.query(triggers.disable);
    enable.push(triggers.enable);
  }
  for (const partition of partitions) {
    const known = factsOf.get(quoteQualified(partition));
    if (known !== undefined) await prepareTable(session, partition, known, mode);
  }
  return {
    async commit() {
      for (const statement of enable) await session.query(statement);
      await session.query('COMMIT');
    },
  };
}
