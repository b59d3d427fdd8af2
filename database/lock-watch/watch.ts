import { setTimeout as sleep } from 'node:timers/promises';
import { onAbort } from '../../async/abort.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { describeBlocker } from '../barrier/blocker.ts';
import { readLockWait } from '../barrier/locks.ts';
import type { Blocker, ConnectionTarget } from '../flavour.ts';
import { readGreenplumLockWait } from '../greenplum/locks.ts';
import { withoutSegments } from '../session/failover/through-failover.ts';
import { placeOf } from '../session/place.ts';
import { openSession, type Session } from '../session/session.ts';
import { exclusiveRequests, type OwnSessions, othersOf, ownSessionsWaiting } from './waiting.ts';

export interface LockWatch {
  readonly own: OwnSessions;
  /** How long one of our sessions may wait for a lock of another program. */
  readonly limitMs: number;
  /**
   * Relations that our sessions will read later, and that another session of ours keeps locked
   * meanwhile. A request for ACCESS EXCLUSIVE that waits for that lock will block them: no server
   * sees this deadlock, because the session that holds the lock waits for nothing.
   */
  readonly toRead?: () => readonly QualifiedName[];
  /** What the operator can do, as whole sentences. */
  readonly advice: string;
}

const LOOK_EVERY_MS = 500;
/** Reading the lock table of a large database takes longer than reading the list of sessions. */
const LOOKS_PER_TABLE = 4;
const RECONNECT_MS = 5_000;
/** pg_blocking_pids came with 9.6. */
const BLOCKING_PIDS_SINCE = 90_600;

/**
 * Runs `work`, and stops it when one of our sessions waits too long for a lock. A watch from
 * outside, because pg_dump and pg_restore switch lock_timeout off, and because it can name the
 * sessions in the way.
 * @throws StowageError `database/locked` naming relation and sessions; the errors of `work`.
 */
export async function withLockWatch<T>(
  target: ConnectionTarget,
  watch: LockWatch,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const blocked = new AbortController();
  const watching = watchLocks(target, watch, AbortSignal.any([signal, over.signal])).catch(
    (error: unknown) => blocked.abort(error),
  );
  try {
    return await work(AbortSignal.any([signal, blocked.signal]));
  } catch (error) {
    // What the stopped work throws does not say why it was stopped.
    blocked.signal.throwIfAborted();
    throw error;
  } finally {
    over.abort();
    await watching;
  }
}

/**
 * Resolves when the signal fires. The first look comes after a moment: short work needs no
 * connection for it. While the server cannot be asked, the watch tries again.
 * @throws StowageError `database/locked` as `withLockWatch`.
 */
export async function watchLocks(
  target: ConnectionTarget,
  watch: LockWatch,
  signal: AbortSignal,
): Promise<void> {
  const known = { own: waitTimes(watch.limitMs), others: waitTimes(watch.limitMs) };
  let monitor: Monitor | undefined;
  let everyMs = LOOK_EVERY_MS;
  try {
    for (let looks = 1; ; looks += 1) {
      // Unreferenced: a watch must not keep a process alive whose work has stalled.
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      let found: LongWait | undefined;
      try {
        monitor ??= await openMonitor(target, signal);
        const { session } = monitor;
        // The server may not answer: the end of the work must not wait for it.
        using _ = onAbort(signal, () => void session.destroy());
        found =
          (await longWaitOfOwn(monitor, watch, known.own)) ??
          (looks % LOOKS_PER_TABLE === 0
            ? await longWaitForOwn(monitor, watch, known.others)
            : undefined);
        everyMs = LOOK_EVERY_MS;
      } catch {
        await monitor?.session.destroy();
        monitor = undefined;
        everyMs = RECONNECT_MS;
      }
      if (found !== undefined) throw waitedTooLong(target, watch, found);
    }
  } finally {
    await monitor?.session.close();
  }
}

interface Monitor {
  readonly session: Session;
  readonly lockWait: typeof readLockWait;
}

async function openMonitor(target: ConnectionTarget, signal: AbortSignal): Promise<Monitor> {
  const { content } = target;
  // An ordinary session of a Greenplum coordinator would ask every segment for its locks.
  const session = await openSession(withoutSegments(target), {
    purpose: 'probe',
    applicationName: `stowage lock watch${content === undefined ? '' : ` of content ${content}`}`,
    signal,
  });
  using _ = onAbort(signal, () => void session.destroy());
  const [row] = await session
    .query<{ number: number }>("SELECT current_setting('server_version_num')::int AS number")
    .catch(async (error: unknown) => {
      await session.destroy();
      throw error;
    });
  const hasBlockingPids = (row?.number ?? 0) >= BLOCKING_PIDS_SINCE;
  return { session, lockWait: hasBlockingPids ? readLockWait : readGreenplumLockWait };
}

interface LongWait {
  readonly waits: string;
  /** `schema.name`; empty for a lock on something else. */
  readonly relation: string;
  readonly blockers: readonly Blocker[];
}

/** A session of ours that waits for a session of another program. Ours wait for each other, too. */
async function longWaitOfOwn(
  { session, lockWait }: Monitor,
  { own }: LockWatch,
  times: WaitTimes,
): Promise<LongWait | undefined> {
  const waiting = await ownSessionsWaiting(session, own);
  for (const pid of times.late(waiting.map(({ pid }) => pid))) {
    const wait = await lockWait(session, pid);
    const found = wait?.blockers ?? [];
    const others = await othersOf(
      session,
      own,
      found.map((blocker) => blocker.pid),
    );
    const blockers = found.filter((blocker) => others.has(blocker.pid));
    const application = waiting.find((one) => one.pid === pid)?.application ?? '';
    if (wait !== undefined && blockers.length > 0)
      return { waits: `"${application}" has waited`, relation: wait.relation, blockers };
    times.forget(pid);
  }
  return undefined;
}

/** A session of another program that waits for ours, on a relation that we have still to read. */
async function longWaitForOwn(
  { session }: Monitor,
  { toRead }: LockWatch,
  times: WaitTimes,
): Promise<LongWait | undefined> {
  const needed = new Set((toRead?.() ?? []).map(nameOf));
  if (needed.size === 0) return undefined;
  const requests = (await exclusiveRequests(session)).filter((request) =>
    needed.has(nameOf({ schema: request.schema, name: request.relation })),
  );
  const [late] = times.late(requests.map(({ pid }) => pid));
  const found = requests.find(({ pid }) => pid === late);
  if (found === undefined) return undefined;
  const { schema, relation, ...blocker } = found;
  const waits = 'the rows of a table cannot be read: another session has waited';
  return { waits, relation: `${schema}.${relation}`, blockers: [blocker] };
}

const nameOf = ({ schema, name }: QualifiedName) => `${schema}.${name}`;

interface WaitTimes {
  /** Which of the sessions that wait now have waited for too long. */
  late(waiting: readonly number[]): number[];
  /** Counts the wait of a session from its next look. */
  forget(pid: number): void;
}

function waitTimes(limitMs: number): WaitTimes {
  let since = new Map<number, number>();
  return {
    late(waiting) {
      const now = performance.now();
      since = new Map(waiting.map((pid) => [pid, since.get(pid) ?? now]));
      return waiting.filter((pid) => now - (since.get(pid) ?? now) >= limitMs);
    },
    forget: (pid) => void since.delete(pid),
  };
}

function waitedTooLong(
  target: ConnectionTarget,
  { limitMs, advice }: LockWatch,
  { waits, relation, blockers }: LongWait,
): StowageError {
  const { content } = target;
  const what = relation === '' ? 'a lock' : `a lock on ${relation}`;
  const message = `${waits} ${limitMs / 1000} s for ${what} on ${placeOf(target)}: blocked by ${blockers.map(describeBlocker).join('; ')}. ${advice}`;
  return new StowageError('database/locked', message, {
    where: { ...(content !== undefined && { content }), ...(relation !== '' && { relation }) },
  });
}
