import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { quoteQualified } from '../session/quote.ts';
import type { Session } from '../session/session.ts';
import { batches } from './batches.ts';
import {
  isPartlyOwn,
  replaceableRows,
  type TableFacts,
  tableFacts,
  triggerStatements,
} from './facts.ts';
import { partitionedTables } from './partitions.ts';
import { restoreRefused } from './refused.ts';
import { setMark, type UnfinishedRestore } from './unfinished/mark.ts';

/** The state of a table in the target, before a restore. */
export interface RelationState extends QualifiedName {
  readonly exists: boolean;
  /** Whether it holds rows that a load would replace, so without rows that an extension owns. */
  readonly hasRows: boolean;
  /** Absent when it does not exist. */
  readonly facts?: TableFacts;
}

/** What refusals say after the name of the table. */
export const NOT_CREATED =
  'a restore without section pre-data (--data-only, --section) creates no tables. Create the table, or restore without these flags';
export const NOT_EMPTY =
  'holds rows: --data-only, or --section without pre-data, loads empty tables. Use --truncate to empty and load it';
export const HAS_ROWS =
  'is a configuration table of an extension and holds rows that are not of the extension';
export const NOT_OWNER =
  'has triggers that fire during a restore (ENABLE ALWAYS or ENABLE REPLICA), and only the owner of the table can disable them. Restore as its owner or as a superuser';

/** The states of these relations, in the same order. */
export async function relationStates(
  session: Session,
  relations: readonly QualifiedName[],
): Promise<RelationState[]> {
  const facts = await tableFacts(session, relations);
  const filled = await filledRelations(session, relations, facts);
  return relations.map(({ schema, name }, at) => {
    const known = facts.get(at);
    const state = { schema, name, exists: known !== undefined, hasRows: filled.has(at) };
    return known === undefined ? state : { ...state, facts: known };
  });
}

/**
 * Why a restore in this mode cannot load a table; undefined when it can.
 * @param existing the restore creates no tables; `empty`: and loads rows.
 */
export function reasonNotToLoad(
  { exists, hasRows, facts }: RelationState,
  mode: RestoreRequest['mode'],
  existing?: 'empty' | 'any',
): 'absent' | 'not-created' | 'exists' | 'has-rows' | 'not-empty' | 'not-owner' | undefined {
  if (mode === 'truncate' || existing !== undefined) {
    if (facts === undefined) return existing === undefined ? 'absent' : 'not-created';
    if (existing === 'any') return undefined;
    if (existing === 'empty' && hasRows) return 'not-empty';
    const fires = facts.alwaysTriggers.length + facts.replicaTriggers.length > 0;
    return fires && !facts.isOwner ? 'not-owner' : undefined;
  }
  if (!exists) return undefined;
  // An extension that is installed already has brought its configuration tables.
  if (facts === undefined || facts.condition === null) return 'exists';
  return hasRows ? 'has-rows' : undefined;
}

/** The places in the list of the relations that have rows. */
async function filledRelations(
  session: Session,
  relations: readonly QualifiedName[],
  facts: ReadonlyMap<number, TableFacts>,
): Promise<Set<number>> {
  const filled = new Set<number>();
  for (const batch of batches([...facts.keys()])) {
    const selects = batch.map((at) => {
      const relation = relations[at];
      return (
        relation &&
        `SELECT ${at} AS at WHERE EXISTS (SELECT FROM ONLY ${replaceableRows(relation, facts.get(at))})`
      );
    });
    const rows = await session.query<{ at: number }>(selects.join(' UNION ALL '));
    for (const { at } of rows) filled.add(at);
  }
  const empty = [...facts.keys()].filter((at) => !filled.has(at));
  const tables = empty.flatMap((at) => relations[at] ?? []);
  for (const place of await partitionedTables(session, tables)) {
    const [at, table] = [empty[place], tables[place]];
    if (at === undefined || table === undefined) continue;
    const [row] = await session.query<{ holds: boolean }>(
      `SELECT EXISTS (SELECT FROM ${quoteQualified(table)}) AS holds`,
    );
    if (row?.holds === true) filled.add(at);
  }
  return filled;
}

/**
 * Truncates all of these in one statement, so that foreign keys between them do not matter, and
 * without firing triggers. A table that holds rows of an extension is left to its load, which
 * deletes the other rows. The same transaction marks the database, when there is a mark to set.
 * @throws StowageError `restore/refused` when another table has a foreign key to one of them.
 */
export async function truncateRelations(
  session: Session,
  relations: readonly QualifiedName[],
  mark?: UnfinishedRestore,
): Promise<void> {
  const facts = await tableFacts(session, relations);
  const tables = relations.flatMap((relation, at) => {
    const known = facts.get(at);
    return known !== undefined && isPartlyOwn(known) ? [] : [{ relation, known }];
  });
  if (tables.length === 0) return mark && setMark(session, mark);
  const partitioned = await partitionedTables(
    session,
    tables.map(({ relation }) => relation),
  );
  const names = tables.map(({ relation }, at) =>
    partitioned.has(at) ? quoteQualified(relation) : `ONLY ${quoteQualified(relation)}`,
  );
  const triggers = tables.flatMap(({ relation, known }) =>
    known === undefined ? [] : (triggerStatements(relation, known) ?? []),
  );
  await session.query('BEGIN');
  try {
    await suspendTriggers(session, 'LOCAL');
    if (mark !== undefined) await setMark(session, mark);
    for (const { disable } of triggers) await session.query(disable);
    await session.query(`TRUNCATE TABLE ${names.join(', ')}`);
    for (const { enable } of triggers) await session.query(enable);
    await session.query('COMMIT');
  } catch (error) {
    await session.query('ROLLBACK').catch(() => undefined);
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
export async function suspendTriggers(
  session: Session,
  scope: 'SESSION' | 'LOCAL' = 'SESSION',
): Promise<void> {
  try {
    await session.query(`SET ${scope} session_replication_role = replica`);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    const message = `role ${JSON.stringify(session.target.user)} cannot load tables that have triggers and foreign keys: it needs to be a superuser, or SET on session_replication_role`;
    throw new StowageError('database/denied', message, { cause: error });
  }
}
