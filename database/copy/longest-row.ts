import { quoteIdentifier, quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import type { CopyRelation } from './copy-out.ts';

/** bytea, text and varchar: the server knows the length of such a value without reading it. */
const MEASURED_TYPES = '17, 25, 1043';

/**
 * The row with the longest values of types `bytea`, `text` and `varchar`, and how long they are
 * together. Undefined when no column has such a type, or the table is empty. It reads the table
 * without its TOAST table.
 */
export async function longestRow(
  session: Session,
  relation: CopyRelation,
): Promise<{ readonly ctid: string; readonly bytes: number } | undefined> {
  const columns = await session.query<{ name: string }>(
    `SELECT attname::text AS name FROM pg_catalog.pg_attribute
     WHERE attrelid = $1::regclass AND atttypid IN (${MEASURED_TYPES}) AND attname::text = ANY ($2::text[])`,
    [quoteQualified(relation), relation.columns],
  );
  if (columns.length === 0) return undefined;
  const lengths = columns.map(
    ({ name }) => `coalesce(pg_catalog.octet_length(${quoteIdentifier(name)}), 0)::bigint`,
  );
  const { condition } = relation;
  const where = condition === undefined ? '' : ` WHERE ${condition}`;
  const [row] = await session.query<{ ctid: string; bytes: string }>(
    `SELECT ctid::text AS ctid, (${lengths.join(' + ')})::text AS bytes
     FROM ONLY ${quoteQualified(relation)}${where} ORDER BY ${lengths.join(' + ')} DESC LIMIT 1`,
  );
  return row && { ctid: row.ctid, bytes: Number(row.bytes) };
}
