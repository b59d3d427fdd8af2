import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { isRejection, sqlStateOf } from '../session/database-error.ts';
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

/** A materialized view that was not refreshed, and the error of its last REFRESH. */
export interface StaleView {
  readonly view: QualifiedName;
  readonly error: unknown;
}

/**
 * Refreshes materialized views in the given order, and tries those that failed again after the
 * others: a view can read another through a function, which no catalog tells.
 * @returns the views that the server could not refresh.
 * @throws a failure of the connection.
 */
export async function refreshViews(
  session: Session,
  views: readonly QualifiedName[],
  onView: (view: QualifiedName) => void = () => undefined,
): Promise<StaleView[]> {
  using _ = session.mayBeSilent();
  for (let left = views; ; ) {
    const stale: StaleView[] = [];
    for (const view of left) {
      onView(view);
      const error = await refusalOf(session, `REFRESH MATERIALIZED VIEW ${quoteQualified(view)}`);
      if (error !== undefined) stale.push({ view, error });
    }
    if (stale.length === 0 || stale.length === left.length) return stale;
    left = stale.map(({ view }) => view);
  }
}

/**
 * Of these views, those that exist, and whether they hold rows since they were created.
 */
export async function existingViews(
  session: Session,
  views: readonly QualifiedName[],
): Promise<(QualifiedName & { readonly isPopulated: boolean })[]> {
  const rows = await session.query<QualifiedName & { isPopulated: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS name, c.relispopulated AS "isPopulated"
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'm'`,
  );
  const found = new Map(rows.map((row) => [quoteQualified(row), row]));
  return views.flatMap((view) => found.get(quoteQualified(view)) ?? []);
}

/** The error with which the server rejects a statement. @throws when it did not answer. */
async function refusalOf(session: Session, statement: string): Promise<unknown> {
  try {
    await session.query(statement);
    return undefined;
  } catch (error) {
    if (!isRejection(error)) throw error;
    return error;
  }
}
