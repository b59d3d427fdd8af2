import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';

/** Before it, initdb gives oids that depend on the version. */
const STABLE_OID_END = 10_000;

/**
 * The first of the columns whose values another database may not read from COPY BINARY, or read
 * as other values; undefined: none. Another database gives other OIDs to a type, a table or a role,
 * and an array or a row names the types of its elements by OID (an enum is written as its label).
 * An empty `tsquery` is written, but no server reads it.
 */
export async function columnUnfitForBinary(
  session: Session,
  relation: { readonly schema: string; readonly name: string; readonly columns: readonly string[] },
): Promise<{ readonly name: string; readonly type: string } | undefined> {
  const [unfit] = await session.query<{ name: string; type: string }>(QUERY, [
    quoteQualified(relation),
    relation.columns,
  ]);
  return unfit;
}

const QUERY = `
  WITH RECURSIVE columns AS (
    SELECT attnum, attname, atttypid, atttypmod FROM pg_catalog.pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname::text = ANY ($2::text[])
  ), uses AS (
    SELECT attnum, atttypid AS oid, false AS is_named FROM columns
    UNION
    SELECT u.attnum, part.oid, part.is_named FROM uses u CROSS JOIN LATERAL (
      SELECT typbasetype AS oid, false AS is_named FROM pg_catalog.pg_type
      WHERE pg_type.oid = u.oid AND typtype = 'd'
      UNION ALL
      SELECT typelem, true FROM pg_catalog.pg_type
      WHERE pg_type.oid = u.oid AND typtype = 'b' AND typelem <> 0 AND typlen = -1
      UNION ALL
      SELECT a.atttypid, true FROM pg_catalog.pg_type t JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
      WHERE t.oid = u.oid AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT rngsubtype, false FROM pg_catalog.pg_range WHERE rngtypid = u.oid
    ) part
  )
  SELECT c.attname::text AS name, pg_catalog.format_type(c.atttypid, c.atttypmod) AS type
  FROM columns c JOIN uses u USING (attnum) JOIN pg_catalog.pg_type t ON t.oid = u.oid
  WHERE (u.oid >= ${STABLE_OID_END} AND (u.is_named OR t.typtype NOT IN ('b', 'd', 'e', 'r', 'c')))
    OR (u.oid < ${STABLE_OID_END} AND (t.typname LIKE 'reg%' OR t.typname = 'tsquery'))
  ORDER BY c.attnum LIMIT 1`;
