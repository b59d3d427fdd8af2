import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Session } from '../session/session.ts';

/** A relation that has rows to export. */
export interface LiveTable extends QualifiedName {
  /** `r`, `p`, `v`, `m` or `f` of pg_class. */
  readonly kind: string;
}

/** What a user can select from: tables, partitioned and foreign tables, views. */
export async function liveTables(
  session: Session,
  name: string,
  schema: string | undefined,
): Promise<readonly LiveTable[]> {
  return session.query<LiveTable & Record<string, unknown>>(
    `SELECT n.nspname AS schema, c.relname AS name, c.relkind::text AS kind
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE lower(c.relname) = lower($1) AND ($2::text IS NULL OR lower(n.nspname) = lower($2))
       AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_(toast|temp)'
     ORDER BY 1, 2`,
    [name, schema ?? null],
  );
}

export interface TypedColumn {
  readonly name: string;
  /** As `format_type` prints it. */
  readonly type: string;
}

/** The columns of a query, which is not run. */
export async function queryColumns(
  session: Session,
  query: string,
): Promise<readonly TypedColumn[]> {
  const columns = await session.describe(query);
  if (columns.length === 0) return [];
  const rows = await session.query<{ type: string }>(
    `SELECT pg_catalog.format_type(t, m) AS type
     FROM unnest($1::oid[], $2::int[]) WITH ORDINALITY AS c(t, m, n) ORDER BY n`,
    [columns.map(({ type }) => type), columns.map(({ modifier }) => modifier)],
  );
  return columns.map(({ name }, at) => ({ name, type: rows[at]?.type ?? 'text' }));
}
