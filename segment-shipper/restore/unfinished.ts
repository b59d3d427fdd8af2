import type { OrderOf } from '../../backup-set/documents/restore/restore.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import type { Session } from '../../database/session/session.ts';
import { tableFacts } from '../../database/target/facts.ts';
import { restoreRefused } from '../../database/target/refused.ts';
import {
  canMark,
  findMark,
  readMark,
  removeMark,
  setReached,
  type UnfinishedRestore,
} from '../../database/target/unfinished/mark.ts';
import { hasNewObjects } from '../../database/target/unfinished/restored-objects.ts';
import type { ShipperDeps } from '../deps.ts';
import type { RestoreJob } from '../protocol/control.ts';
import { inSession } from './in-session.ts';

type PreData = OrderOf<'pre-data'>;

/** The mark that a database gets before this order changes it. */
export function newMark(
  { id, timestamp, mode, resumes }: Pick<PreData, 'id' | 'timestamp' | 'mode' | 'resumes'>,
  reached: UnfinishedRestore['reached'],
): UnfinishedRestore {
  return { restore: resumes ?? id, set: timestamp, mode, reached };
}

/**
 * The mark for a database that existed before; undefined when the role may not set one and the mode
 * is `truncate`.
 * @throws StowageError `restore/refused` when the role may not, and the restore needs the mark.
 */
export async function markToSet(
  session: Session,
  order: PreData,
): Promise<UnfinishedRestore | undefined> {
  const { mode } = order;
  if (await canMark(session)) return newMark(order, mode === 'truncate' ? 'pre-data' : 'begun');
  if (mode === 'truncate') return undefined;
  const { user, database } = session.target;
  throw restoreRefused(
    session.target,
    `role ${JSON.stringify(user)} may not create a schema in database ${database}, which marks the restore as unfinished until its end. Grant it CREATE on the database`,
  );
}

/**
 * How far the restore came that this order resumes, in this database.
 * @throws StowageError `restore/refused` when another restore has marked it, or when it has only
 * some of the tables.
 */
export async function lookForBegun(
  order: PreData,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<'nothing' | 'created' | 'begun' | 'prepared'> {
  if (order.resumes === undefined) return 'nothing';
  const { mark, isNew } = await findMark(job.target, deps.signal);
  if (mark === undefined) return isNew && order.mode === 'create' ? 'created' : 'nothing';
  requireSame(job.target, mark, order.resumes);
  let isDone = false;
  await inSession(order, job, deps, async (session) => {
    isDone = await isPrepared(session, mark, order);
  });
  return isDone ? 'prepared' : 'begun';
}

/**
 * Whether the objects of pre-data are made in several transactions: in a new database, where a
 * restore that ended between two of them leaves nothing that another program uses.
 */
export function makesInParts({ mode, into, onError }: Pick<PreData, 'mode' | 'into' | 'onError'>) {
  return mode === 'create' && into === undefined && onError !== 'continue';
}

/**
 * Whether phase pre-data is done. Where it is one transaction, it may have been committed before
 * the restore was killed: then the tables exist.
 */
async function isPrepared(
  session: Session,
  mark: UnfinishedRestore,
  order: PreData,
): Promise<boolean> {
  const { relations, onError } = order;
  if (mark.reached !== 'begun') return true;
  // It may have made some of the tables.
  if (onError === 'continue' || makesInParts(order)) return false;
  if (relations.length === 0) return isPreparedWithoutTables(session, mark);
  const found = await tableFacts(session, relations);
  // Configuration tables of an extension may have been there before.
  if ([...found.values()].every(({ condition }) => condition !== null)) return false;
  const absent = relations.find((_, at) => !found.has(at));
  if (absent === undefined) {
    await setReached(session, mark, 'pre-data');
    return true;
  }
  throw restoreRefused(
    session.target,
    `database ${session.target.database} has only some tables of the unfinished restore ${mark.restore}: ${absent.schema}.${absent.name} does not exist. Drop the others, or drop the database`,
  );
}

/** A set without tables has other objects, or none: then pre-data can be done again. */
async function isPreparedWithoutTables(
  session: Session,
  mark: UnfinishedRestore,
): Promise<boolean> {
  const isDone = await hasNewObjects(session);
  if (isDone) await setReached(session, mark, 'pre-data');
  return isDone;
}

/** Removes the mark after a pg_restore in one transaction has failed, when it left nothing. */
export async function unmarkIfNothing(
  order: PreData,
  job: RestoreJob,
  deps: ShipperDeps,
): Promise<void> {
  if (order.onError === 'continue') return;
  await inSession(order, job, deps, async (session) => {
    const mark = await readMark(session);
    if (mark !== undefined && !(await isPrepared(session, mark, order))) await removeMark(session);
  });
}

/**
 * Rows of a table may be kept or replaced only when its restore has created or emptied it.
 * @throws StowageError `restore/refused` when the mark does not say so.
 */
export async function requirePrepared(session: Session, resumes: string): Promise<void> {
  const mark = await readMark(session);
  if (mark !== undefined) requireSame(session.target, mark, resumes);
  if (mark !== undefined && mark.reached !== 'begun') return;
  throw restoreRefused(
    session.target,
    `database ${session.target.database} has no mark that restore ${resumes} has created or emptied its tables: their rows are not replaced`,
  );
}

function requireSame(target: ConnectionTarget, { restore }: UnfinishedRestore, resumes: string) {
  if (restore === resumes) return;
  throw restoreRefused(
    target,
    `database ${target.database} holds the unfinished restore ${restore}, and the order resumes ${resumes}`,
  );
}
