import { quoteIdentifier, quoteQualified } from '../../database/session/quote.ts';
import type { Session } from '../../database/session/session.ts';

export interface RelationDigest {
  readonly rows: number;
  /** Sum over the rows of a 64-bit hash of each row's text; the order of rows has no effect. */
  readonly digest: string;
}

/**
 * Counts the rows of a relation and digests their columns on the server. Comparable between
 * databases of one encoding, in Stowage's sessions: their settings decide how a value is written as
 * text.
 */
export async function relationDigest(
  session: Session,
  relation: { readonly schema: string; readonly name: string; readonly columns: readonly string[] },
): Promise<RelationDigest> {
  const columns = relation.columns.map((column) => `t.${quoteIdentifier(column)}`).join(', ');
  const [row] = await session.query<RelationDigest>(
    `SELECT count(*)::float8 AS rows, coalesce(sum(hashtextextended(ROW(${columns})::text, 0)::numeric), 0)::text AS digest
     FROM ONLY ${quoteQualified(relation)} t`,
  );
  return row ?? { rows: 0, digest: '0' };
}
