import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { batches } from './batches.ts';
import { restoreRefused } from './refused.ts';

/** The state of a table in the target, before a restore. */
export interface RelationState extends QualifiedName {
  readonly exists: boolean;
  readonly hasRows: boolean;
}

/** The states of these relations, in the same order. */
export async function relationStates(
  session: Session,
  relations: readonly QualifiedName[],
): Promise<RelationState[]> {
  const found = await session.query<{ at: number }>(
    `SELECT w.at::int AS at FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS w(schema, name, at)
     JOIN pg_namespace n ON n.nspname = w.schema
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.name`,
    [relations.map(({ schema }) => schema), relations.map(({ name }) => name)],
  );
  const exists = new Set(found.map(({ at }) => at - 1));
  const filled = await filledRelations(session, relations, [...exists]);
  return relations.map(({ schema, name }, at) => ({
    schema,
    name,
    exists: exists.has(at),
    hasRows: filled.has(at),
  }));
}

/** Which of the relations at these indexes have rows. */
async function filledRelations(
  session: Session,
  relations: readonly QualifiedName[],
  indexes: readonly number[],
): Promise<Set<number>> {
  const filled = new Set<number>();
  for (const batch of batches(indexes)) {
    const selects = batch.map((at) => {
      const relation = relations[at];
      return (
        relation && `SELECT ${at} AS at WHERE EXISTS (SELECT FROM ONLY ${quoteQualified(relation)})`
      );
    });
    const rows = await session.query<{ at: number }>(selects.join(' UNION ALL '));
    for (const { at } of rows) filled.add(at);
  }
  return filled;
}

/**
 * Truncates all of these in one statement, so that foreign keys between them do not matter.
 * @throws StowageError `restore/refused` when another table has a foreign key to one of them.
 */
export async function truncateRelations(
  session: Session,
  relations: readonly QualifiedName[],
): Promise<void> {
  if (relations.length === 0) return;
  const names = relations.map((relation) => `ONLY ${quoteQualified(relation)}`);
  try {
    await session.query(`TRUNCATE TABLE ${names.join(', ')}`);
  } catch (error) {
    if (sqlStateOf(error) !== '0A000') throw error;
    const message = `a table that is not restored has a foreign key to a table that would be truncated${detailOf(error)}`;
    throw restoreRefused(session.target, message, error);
  }
}

/** The server's DETAIL, which names both tables of a foreign key. */
function detailOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && 'detail' in cause && typeof cause.detail === 'string'
    ? `: ${cause.detail}`
    : '';
}

/**
 * Loads rows from now on without firing triggers and foreign keys: these would check a table before
 * the tables it refers to are loaded.
 * @throws StowageError `database/denied` when the role may not.
 */
export async function suspendTriggers(session: Session): Promise<void> {
  try {
    await session.query('SET session_replication_role = replica');
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    const message = `role ${JSON.stringify(session.target.user)} cannot load tables that have triggers and foreign keys: it needs to be a superuser, or SET on session_replication_role`;
    throw new StowageError('database/denied', message, { cause: error });
  }
}
