import { pause } from '../../async/poll.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { Lockable } from '../catalog/relations.ts';
import type { ConnectionTarget, Segment, SnapshotOptions } from '../flavour.ts';
import { sqlStateOf } from '../session/database-error.ts';
import { type LazySession, lazySession } from '../session/lazy.ts';
import { openSession, type Session } from '../session/session.ts';
import { type LockWait, lockRelations, readLockWait } from './locks.ts';

/** One segment's part in the barrier. */
export interface BarrierNode {
  readonly segment: Segment;
  /** Keeps the ACCESS SHARE locks and the snapshot until the backup ends. */
  readonly holder: Session;
  /** Holds SHARE for as long as the barrier lasts; absent = SHARE is not taken on this node. */
  readonly locker?: Session | undefined;
  /**
   * Reads which sessions block the other two, and cancels their statements. Where SHARE is not
   * taken, and nothing is read under the barrier, it is opened when a lock is awaited.
   */
  readonly monitor: LazySession;
  readonly deadlockTimeoutMs: number;
  /** Reads which sessions block a backend of this node. */
  readonly lockWait: typeof readLockWait;
}

export interface BarrierMember {
  readonly segment: Segment;
  readonly target: ConnectionTarget;
  /** How the locker connects; absent = as the other two. */
  readonly locker?: ConnectionTarget;
  /** Absent = by pg_blocking_pids, which PostgreSQL has since 9.6. */
  readonly lockWait?: typeof readLockWait | undefined;
}

/** Why an attempt failed. */
export type LockFailure =
  | {
      readonly kind: 'blocked';
      readonly wait: LockWait | undefined;
      readonly cause: unknown;
      /** No session blocked it: the locks were not taken within this time. */
      readonly lateMs?: number | undefined;
    }
  /** A relation of the list was dropped: the next attempt reads the list again. */
  | { readonly kind: 'changed' };

/** The sessions of a node that take locks. */
export function lockingSessions({ locker, holder }: BarrierNode): Session[] {
  return locker === undefined ? [holder] : [locker, holder];
}

type Closable = Pick<Session, 'close'>;

/** The sessions of a node that end with the barrier. */
export function passingSessions({ locker, monitor }: BarrierNode): Closable[] {
  return locker === undefined ? [monitor] : [locker, monitor];
}

export function allSessions(node: BarrierNode): Closable[] {
  return [node.holder, ...passingSessions(node)];
}

interface OpenTerms extends Pick<SnapshotOptions, 'signal' | 'underBarrier'> {
  readonly stopsWriters: boolean;
  /** The start of the application_name of its sessions. */
  readonly label: string;
}

export async function openBarrierNode(
  member: BarrierMember,
  { stopsWriters, label, signal, underBarrier }: OpenTerms,
): Promise<BarrierNode> {
  const { segment } = member;
  const target = { ...member.target, content: segment.content };
  const name = (role: string) => `${label} content ${segment.content} ${role}`;
  const probing = { purpose: 'probe', applicationName: name('monitor'), signal } as const;
  const monitor = lazySession(target, probing);
  // Writers wait for SHARE, so a first attempt ends before a new session could say who blocks it.
  const isNeeded = stopsWriters || underBarrier !== undefined;
  const early = Promise.allSettled(isNeeded ? [monitor.get()] : []);
  const opened = await Promise.allSettled([
    openSession(target, { purpose: 'holder', applicationName: name('holder'), signal }),
    ...(stopsWriters
      ? [
          openSession(
            { ...(member.locker ?? target), content: segment.content },
            { purpose: 'barrier', applicationName: name('barrier'), signal },
          ),
        ]
      : []),
  ]);
  const failed = [...opened, ...(await early)].find((outcome) => outcome.status === 'rejected');
  const sessions = opened.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const [holder, locker] = sessions;
  if (failed !== undefined || holder === undefined) {
    await Promise.all([...sessions, monitor].map((session) => session.close()));
    throw failed?.reason;
  }
  const [row] = await holder.query<{ ms: number }>(
    "SELECT extract(epoch FROM current_setting('deadlock_timeout')::interval)::float8 * 1000 AS ms",
  );
  const { lockWait = readLockWait } = member;
  return { segment, holder, locker, monitor, deadlockTimeoutMs: row?.ms ?? 1_000, lockWait };
}

/** How one attempt locks. */
export interface LockingTerms {
  readonly lockTimeoutMs: number;
  /**
   * `schema.name` of what the last attempt waited for: locked first, while nothing else is locked.
   */
  readonly first: string | undefined;
  /** Fires when the attempt has failed on another node. */
  readonly cancelled: AbortSignal;
}

/**
 * Takes ACCESS SHARE in the transaction that will hold the snapshot; it has none yet. From now on
 * no
 * relation of the list can be dropped, altered or truncated.
 */
export async function holdRelations(
  node: BarrierNode,
  relations: readonly Lockable[],
  terms: LockingTerms,
): Promise<void> {
  await node.holder.query(
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL lock_timeout = ${Math.ceil(terms.lockTimeoutMs)}`,
  );
  await lockRelations(node.holder, relations, 'ACCESS SHARE', terms.cancelled);
  await node.holder.query(`SET LOCAL lock_timeout = ${HOLDER_LOCK_MS_MAX}`);
}

/** The holder's later statements lock catalogs only. No session may wait behind it for long. */
export const HOLDER_LOCK_MS_MAX = 10_000;

/** Takes SHARE: waits for running writers, and blocks new ones from then on. */
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
  const { locker } = node;
  if (locker === undefined) throw new Error('SHARE is not taken on this node');
  await locker.query(`BEGIN; SET LOCAL lock_timeout = ${Math.ceil(terms.lockTimeoutMs)}`);
  await lockRelations(locker, ordered, 'SHARE', terms.cancelled);
}

/**
 * Cancels the statements of the locker and the holder, so that they block no other session. A
 * server without a free connection gets the request of the protocol.
 */
export async function cancelStatements(node: BarrierNode): Promise<void> {
  const sessions = lockingSessions(node);
  const pids = sessions.map(({ pid }) => pid);
  try {
    const monitor = await node.monitor.get();
    await monitor.query('SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
  } catch {
    await Promise.all(sessions.map((session) => session.cancel()));
  }
}

/** Ends a transaction in any state. A cancel that arrives late can hit the first ROLLBACK. */
export async function rollBack(session: Session): Promise<void> {
  await session.query('ROLLBACK').catch(async (error: unknown) => {
    if (sqlStateOf(error) !== '57014') throw error;
    await session.query('ROLLBACK');
  });
}

/**
 * Runs one locking step, and reads meanwhile which sessions block it. Resolves with the failure
 * when
 * the lock could not be taken; throws every other error.
 */
export async function watched(
  node: Pick<BarrierNode, 'monitor' | 'lockWait'>,
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
    // lock_timeout or a deadlock; or cancelled, by cancelStatements or between two statements.
    if (isStowageError(error, 'database/locked') || state === '57014') {
      watching.abort();
      return { kind: 'blocked', wait: await withinALook(watch), cause: error };
    }
    // A table, or its schema, was dropped after the list was read.
    if (state === '42P01' || state === '3F000') return { kind: 'changed' };
    throw error;
  } finally {
    watching.abort();
  }
}

/** Other nodes keep their locks until the failure of one is known. */
const LOOK_MS_MAX = 2_000;

async function withinALook(watch: Promise<LockWait | undefined>): Promise<LockWait | undefined> {
  const ended = new AbortController();
  try {
    return await Promise.race([watch, pause(LOOK_MS_MAX, ended.signal).then(() => undefined)]);
  } finally {
    ended.abort();
  }
}

const WATCH_EVERY_MS = 25;
/** After the monitor could not connect. */
const CONNECT_EVERY_MS = 500;
/** With 120,000 locks, reading them takes 0.1 s of a core, which the locking needs. */
const WATCH_SHARE = 0.1;

async function watchWaits(
  node: Pick<BarrierNode, 'monitor' | 'lockWait'>,
  session: Session,
  signal: AbortSignal,
): Promise<LockWait | undefined> {
  let [seen, pauseMs]: [LockWait | undefined, number] = [undefined, WATCH_EVERY_MS];
  while (!signal.aborted) {
    await pause(pauseMs, signal);
    if (signal.aborted) break;
    // The blockers are only for the message: the step does without a monitor.
    const monitor = await node.monitor.get().catch(() => undefined);
    if (monitor === undefined) {
      pauseMs = CONNECT_EVERY_MS;
      continue;
    }
    const since = performance.now();
    seen = (await node.lockWait(monitor, session.pid).catch(() => undefined)) ?? seen;
    pauseMs = Math.max(WATCH_EVERY_MS, (performance.now() - since) / WATCH_SHARE);
  }
  return seen;
}
