import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

/** A coordinator asks every segment for each size. */
const GREENPLUM_TABLES_MAX = 500;
const TABLES_MAX = 20_000;

/**
 * The bytes of the main files of tables, by their quoted names. Needs no right on them. Empty where
 * there are so many tables that asking takes longer than the answer is worth.
 */
export async function tableSizes(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<ReadonlyMap<string, number>> {
  const most = session.target.greenplum === undefined ? TABLES_MAX : GREENPLUM_TABLES_MAX;
  if (tables.length === 0 || tables.length > most) return new Map();
  const rows = await session.query<{ schema: string; name: string; bytes: string }>(
    `SELECT n.nspname AS schema, c.relname AS name, pg_catalog.pg_relation_size(c.oid) AS bytes
     FROM (SELECT pg_catalog.unnest($1::text[]) AS schema, pg_catalog.unnest($2::text[]) AS name) t
     JOIN pg_catalog.pg_namespace n ON n.nspname = t.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.name
     WHERE c.relkind IN ('r', 'm')`,
    [tables.map(({ schema }) => schema), tables.map(({ name }) => name)],
  );
  return new Map(rows.map((row) => [quoteQualified(row), Number(row.bytes)]));
}
