import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Relation } from '../../backup-set/documents/plan.ts';
import type { Session } from '../session/session.ts';

/** A column of a table in the target. */
export interface TargetColumn {
  readonly name: string;
  readonly type: string;
  /** The expression of a generated column, else null. */
  readonly generated: string | null;
}

/** The columns of these tables, in attribute order, by the table's place in the list. */
export async function targetColumns(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<ReadonlyMap<number, readonly TargetColumn[]>> {
  // row_to_json, because servers before PostgreSQL 12 and Greenplum 6 have no attgenerated.
  const rows = await session.query<TargetColumn & { at: number }>(
    `SELECT at, name, type,
            CASE WHEN is_generated THEN (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid)
              FROM pg_catalog.pg_attrdef d WHERE d.adrelid = attrelid AND d.adnum = attnum) END AS generated
     FROM (
       SELECT w.at::int - 1 AS at, a.attname::text AS name, a.attrelid, a.attnum,
              pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
              coalesce(pg_catalog.row_to_json(a) ->> 'attgenerated', '') <> '' AS is_generated
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)
       JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name
       JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) found
     ORDER BY at, attnum`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return Map.groupBy(rows, ({ at }) => at);
}

/**
 * The first difference between the columns of the set and those of the target, as a phrase after
 * the table's name. Values would be rounded, cut or computed otherwise without an error. Undefined
 * when there is none, or when the set does not have the types.
 */
export function columnDifference(
  { columns, types, generated }: Pick<Relation, 'columns' | 'types' | 'generated'>,
  target: readonly TargetColumn[],
): string | undefined {
  if (types === undefined) return undefined;
  const found = new Map(target.map((column) => [column.name, column]));
  for (const [at, name] of columns.entries()) {
    const column = found.get(name);
    const type = types[at] ?? '';
    if (column === undefined) return `has no column ${name}, which the set has`;
    if (column.generated !== null)
      return `has a generated column ${name}, and the set has values of it`;
    if (column.type !== type)
      return `has column ${name} of type ${column.type}, which is ${type} in the set`;
  }
  for (const { name, type, expression } of generated ?? []) {
    const column = found.get(name);
    if (column === undefined) return `has no column ${name}, which is generated in the set`;
    if (column.generated === null)
      return `has column ${name}, which is generated in the set, and the set has no values of it`;
    if (column.type !== type || column.generated !== expression)
      return `has a generated column ${name} of type ${column.type} AS (${column.generated}), which is ${type} AS (${expression}) in the set`;
  }
  const known = new Set([...columns, ...(generated ?? []).map(({ name }) => name)]);
  const more = target.find(
    (column) => !known.has(column.name) && (column.generated === null || generated !== undefined),
  );
  return more && `has column ${more.name}, which the set does not have`;
}
