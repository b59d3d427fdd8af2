import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { batches } from './batches.ts';

/** Analyzes tables, many in one round trip. When a statement fails, the error names its table. */
export async function analyzeRelations(
  session: Session,
  relations: readonly QualifiedName[],
  onDone: (relations: number) => void = () => undefined,
): Promise<void> {
  // One statement per table: ANALYZE takes a list since PostgreSQL 11, and Greenplum 6 is older.
  const statements = relations.map((relation) => `ANALYZE ${quoteQualified(relation)}`);
  using _ = session.mayBeSilent();
  for (const batch of batches(statements)) {
    try {
      await session.query(batch.join('; '));
    } catch (error) {
      if (batch.length === 1 || sqlStateOf(error) === undefined) throw error;
      for (const statement of batch) await session.query(statement);
    }
    onDone(batch.length);
  }
}

/** Those of these relations that exist. */
export async function existingRelations(
  session: Session,
  names: readonly QualifiedName[],
): Promise<QualifiedName[]> {
  return session.query<{ schema: string; name: string }>(
    `SELECT w.schema, w.name FROM unnest($1::text[], $2::text[]) AS w(schema, name)
     JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema
     JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name`,
    [names.map(({ schema }) => schema), names.map(({ name }) => name)],
  );
}

/**
 * Refreshes materialized views in the given order: each must come after the views that it reads.
 */
export async function refreshViews(
  session: Session,
  views: readonly QualifiedName[],
  onView: (view: QualifiedName) => void = () => undefined,
): Promise<void> {
  using _ = session.mayBeSilent();
  for (const view of views) {
    onView(view);
    await session.query(`REFRESH MATERIALIZED VIEW ${quoteQualified(view)}`);
  }
}
