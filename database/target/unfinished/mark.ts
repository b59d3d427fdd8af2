import * as z from 'zod';
import { RestoreId, Timestamp } from '../../../backup-set/base/timestamps.ts';
import { RESTORE_MODES } from '../../../backup-set/documents/restore/restore.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { sqlStateOf } from '../../session/database-error.ts';
import { quoteLiteral } from '../../session/quote.ts';
import { openSession, type Session } from '../../session/session.ts';
import { restoreRefused } from '../refused.ts';

/** The empty schema that marks a database; a backup leaves it out (docs/design/0019). */
export const MARK_SCHEMA = 'stowage_unfinished_restore';

/**
 * The connection limit with which a restore creates a database, because CREATE DATABASE cannot also
 * create the mark: a database with this limit and without a mark is a restore's own, and empty.
 */
export const NEW_LIMIT = 0x53544f57;

/**
 * In order. `pre-data`: the tables are those of the restore, so rows in them are its rows.
 * `post-data`: only of a restore under other names, which makes these objects in one transaction.
 */
const STEPS = ['begun', 'pre-data', 'large-objects', 'post-data'] as const;

const UnfinishedRestore = z.object({
  /** The first restore; a resume keeps its id. */
  restore: RestoreId,
  set: Timestamp,
  mode: z.enum(RESTORE_MODES),
  reached: z.enum(STEPS),
});
/** A restore that has changed this database and has not ended as `restored`. */
export type UnfinishedRestore = z.infer<typeof UnfinishedRestore>;

/**
 * The mark of the session's database; undefined when it has none.
 * @throws StowageError `restore/refused` when the schema exists and its comment is not a mark.
 */
export async function readMark(session: Session): Promise<UnfinishedRestore | undefined> {
  const [row] = await session.query<{ comment: string | null }>(
    `SELECT pg_catalog.obj_description(oid, 'pg_namespace') AS comment
     FROM pg_catalog.pg_namespace WHERE nspname = $1`,
    [MARK_SCHEMA],
  );
  if (row === undefined) return undefined;
  const parsed = UnfinishedRestore.safeParse(fromJson(row.comment ?? ''));
  if (parsed.success) return parsed.data;
  throw restoreRefused(
    session.target,
    `database ${session.target.database} has a schema ${MARK_SCHEMA}, which marks an unfinished restore, and the comment of this schema does not name the restore. Drop this schema if the database is complete; otherwise drop the database`,
  );
}

/** What a database has; `exists` is false when it does not exist. */
export interface MarkedDatabase {
  readonly exists: boolean;
  readonly mark?: UnfinishedRestore;
  /** A restore has created it, and was killed before it set the mark. */
  readonly isNew: boolean;
  /** Whether the role may set a mark. */
  readonly canMark: boolean;
}

/** Looks for the mark in the target's database, over a connection of its own. */
export async function findMark(
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<MarkedDatabase> {
  const options = { purpose: 'probe', applicationName: 'stowage restore', signal } as const;
  let session: Session;
  try {
    session = await openSession(target, options);
  } catch (error) {
    if (sqlStateOf(error) === '3D000') return { exists: false, isNew: false, canMark: true };
    throw error;
  }
  try {
    const mark = await readMark(session);
    const [row] = await session.query<{ limit: number }>(
      `SELECT datconnlimit AS limit FROM pg_catalog.pg_database WHERE datname = current_database()`,
    );
    const isNew = mark === undefined && row?.limit === NEW_LIMIT;
    const found = { exists: true, isNew, canMark: await canMark(session) };
    return mark === undefined ? found : { ...found, mark };
  } finally {
    await session.close();
  }
}

/** Whether the role may create a schema in the session's database. */
export async function canMark(session: Session): Promise<boolean> {
  const [row] = await session.query<{ can: boolean }>(
    "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') AS can",
  );
  return row?.can === true;
}

/** Marks the database, in the transaction of the session or, without one, in its own. */
export async function setMark(session: Session, mark: UnfinishedRestore): Promise<void> {
  await session.script(`CREATE SCHEMA ${MARK_SCHEMA}; ${commentOf(mark)}`);
}

/** Writes into the mark what the restore has reached now. */
export async function setReached(
  session: Session,
  mark: UnfinishedRestore,
  reached: UnfinishedRestore['reached'],
): Promise<void> {
  await session.script(commentOf({ ...mark, reached }));
}

/** Removes the mark, if the database has one. */
export async function removeMark(session: Session): Promise<void> {
  await session.query(`DROP SCHEMA IF EXISTS ${MARK_SCHEMA}`);
}

function commentOf(mark: UnfinishedRestore): string {
  return `COMMENT ON SCHEMA ${MARK_SCHEMA} IS ${quoteLiteral(JSON.stringify(mark))};`;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
