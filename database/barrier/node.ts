import { pause } from '../../async/poll.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { Lockable } from '../catalog/relations.ts';
import type { ConnectionTarget, Segment } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { openSession, type Session } from '../session/session.ts';
import { type LockWait, lockRelations, readLockWait } from './locks.ts';

/** One segment's part in the barrier. */
export interface BarrierNode {
  readonly segment: Segment;
  /** Keeps ACCESS SHARE locks and the snapshot. */
  readonly holder: Session;
  /** Holds SHARE for as long as the barrier lasts. */
  readonly locker: Session;
  /** Looks at who blocks the other two, and sets the locker free. */
  readonly monitor: Session;
  readonly deadlockTimeoutMs: number;
  /** Who keeps a backend of this node waiting. */
  readonly lockWait: typeof readLockWait;
}

export interface BarrierMember {
  readonly segment: Segment;
  readonly target: ConnectionTarget;
  /** How the monitor connects, where that is another way. */
  readonly monitor?: ConnectionTarget;
  /** Absent = as PostgreSQL since 9.6 tells it. */
  readonly lockWait?: typeof readLockWait | undefined;
}

/** Why an attempt ended without its lock. */
export type LockFailure =
  | { readonly kind: 'blocked'; readonly wait: LockWait | undefined; readonly cause: unknown }
  /** A relation that was to be locked is gone: what must be locked has to be asked again. */
  | { readonly kind: 'changed' };

export async function openBarrierNode(
  member: BarrierMember,
  label: string,
  signal: AbortSignal | undefined,
): Promise<BarrierNode> {
  const { segment } = member;
  const target = { ...member.target, content: segment.content };
  const name = (role: string) => `${label} content ${segment.content} ${role}`;
  const opened = await Promise.allSettled([
    openSession(target, { purpose: 'holder', applicationName: name('holder'), signal }),
    openSession(target, { purpose: 'barrier', applicationName: name('barrier'), signal }),
    openSession(
      { ...(member.monitor ?? target), content: segment.content },
      { purpose: 'probe', applicationName: name('monitor'), signal },
    ),
  ]);
  const failed = opened.find((outcome) => outcome.status === 'rejected');
  const sessions = opened.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const [holder, locker, monitor] = sessions;
  if (
    failed !== undefined ||
    holder === undefined ||
    locker === undefined ||
    monitor === undefined
  ) {
    await Promise.all(sessions.map((session) => session.close()));
    throw failed?.reason;
  }
  const [row] = await monitor.query<{ ms: number }>(
    "SELECT setting::float8 AS ms FROM pg_settings WHERE name = 'deadlock_timeout'",
  );
  const { lockWait = readLockWait } = member;
  return { segment, holder, locker, monitor, deadlockTimeoutMs: row?.ms ?? 1_000, lockWait };
}

/** How one attempt locks. */
export interface LockingTerms {
  readonly lockTimeoutMs: number;
  /** `schema.name` of what was in the way last time: taken first, so that nothing else is held while we wait for it. */
  readonly first: string | undefined;
  /** Fires when the attempt is over for another reason. */
  readonly recalled: AbortSignal;
}

/**
 * Takes ACCESS SHARE with the transaction that will hold the snapshot, which it does not have yet. From here to the end
 * nothing in the list can be dropped, altered or truncated.
 */
export async function holdRelations(
  node: BarrierNode,
  relations: readonly Lockable[],
  terms: LockingTerms,
): Promise<void> {
  await node.holder.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${Math.ceil(terms.lockTimeoutMs)}`,
  );
  await lockRelations(node.holder, relations, 'ACCESS SHARE', terms.recalled);
  await node.holder.query('SET LOCAL lock_timeout = 0');
}

/** Takes SHARE: waits for running writers, lets nobody write from then on. */
export async function stopWriters(
  node: BarrierNode,
  relations: readonly Lockable[],
  terms: LockingTerms,
): Promise<void> {
  const isFirst = ({ schema, name }: Lockable) => `${schema}.${name}` === terms.first;
  const ordered = [
    ...relations.filter(isFirst),
    ...relations.filter((relation) => !isFirst(relation)),
  ];
  await node.locker.query(`BEGIN; SET LOCAL lock_timeout = ${Math.ceil(terms.lockTimeoutMs)}`);
  await lockRelations(node.locker, ordered, 'SHARE', terms.recalled);
}

/** Cancels whatever the session waits for, so that it stands in nobody's way. The signal has been sent when this resolves. */
export async function stopWaiting(node: BarrierNode): Promise<void> {
  await node.monitor.query('SELECT pg_cancel_backend($1), pg_cancel_backend($2)', [
    node.locker.pid,
    node.holder.pid,
  ]);
}

/** Ends a transaction whatever its state; a cancel that arrived late may hit the first ROLLBACK. */
export async function rollBack(session: Session): Promise<void> {
  await session.query('ROLLBACK').catch(async (error: unknown) => {
    if (sqlStateOf(error) !== '57014') throw error;
    await session.query('ROLLBACK');
  });
}

/**
 * Runs one locking step and, while it waits, watches who blocks it. Resolves with the failure when the lock was not to
 * be had; throws what has nothing to do with locks.
 */
export async function watched(
  node: BarrierNode,
  session: Session,
  step: () => Promise<void>,
): Promise<LockFailure | undefined> {
  const watching = new AbortController();
  const watch = watchWaits(node, session, watching.signal);
  try {
    await step();
    return undefined;
  } catch (error) {
    const state = sqlStateOf(error);
    // lock_timeout or deadlock; or called back, by stopWaiting or between two statements.
    if (isStowageError(error, 'database/locked') || state === '57014') {
      watching.abort();
      return { kind: 'blocked', wait: await watch, cause: error };
    }
    // A table, or its schema, was dropped after we had read the list.
    if (state === '42P01' || state === '3F000') return { kind: 'changed' };
    throw error;
  } finally {
    watching.abort();
    await watch;
  }
}

const WATCH_EVERY_MS = 25;

async function watchWaits(
  node: BarrierNode,
  session: Session,
  signal: AbortSignal,
): Promise<LockWait | undefined> {
  let seen: LockWait | undefined;
  while (!signal.aborted) {
    await pause(WATCH_EVERY_MS, signal);
    if (signal.aborted) break;
    // Whatever is wrong with the monitor shows in the next step that needs it; who blocks is only advice.
    seen = (await node.lockWait(node.monitor, session.pid).catch(() => undefined)) ?? seen;
  }
  return seen;
}
