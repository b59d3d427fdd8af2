import { setInterval } from 'node:timers/promises';
import { onAbort } from '../../../async/abort.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type {
  LoadRelation,
  RestoreRequest,
  SourceExtent,
} from '../../../backup-set/documents/restore/restore.ts';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { canBeShared, isDeadlocked, undoPartialLoad } from '../../../database/copy/shared-load.ts';
import type { ConnectionTarget } from '../../../database/flavour.ts';
import type { Session } from '../../../database/session/session.ts';
import { beginLoad, type LoadTransaction } from '../../../database/target/load-transaction.ts';
import type { ShipperDeps } from '../../deps.ts';
import { opensFor } from '../../read/opens.ts';
import { countBytes, frameRuns, rowsOfRuns } from '../../read/rows-of.ts';
import type { Run } from '../../read/runs.ts';
import { requireCount } from '../order-result.ts';
import type { RestoreConnection } from './connection.ts';

/** The load of one relation over one or several connections (docs/design/0015). */
export interface Loading {
  /** Bytes of rows that no connection has taken yet. */
  bytesLeft(): number;
  /** Whether further connections may join; known after the first one has checked the table. */
  readonly isShared: Promise<boolean>;
  /**
   * Loads rows over one more connection, until all rows are taken. Resolves when the whole relation
   * is committed.
   * @throws why the relation failed. Nothing of it is then in the table, and none of the
   * connections that took part can be used again.
   */
  join(connection: Pick<RestoreConnection, 'open' | 'drop'>): Promise<void>;
}

export interface LoadingOptions {
  readonly target: ConnectionTarget;
  readonly mode: RestoreRequest['mode'];
  readonly encoding: string;
  /** Connections that may share the relation. */
  readonly workers: number;
  readonly applicationName: string;
}

/** A connection takes shares of at least this many bytes of rows, so its requests stay large. */
const SHARE_BYTES_MIN = 16 * 1024 * 1024;
/** Bounds the size of a share, so that all connections end at about the same time. */
const SHARES_PER_WORKER = 8;
const DEADLOCK_CHECK_MS = 1_000;

interface Member {
  readonly connection: Pick<RestoreConnection, 'open' | 'drop'>;
  /** Undefined before it is connected, and when all rows were taken before it was. */
  session?: Session;
  state: 'loading' | 'loaded' | 'idle' | 'dropped';
  hasTaken: boolean;
  /** Set when the connection loads the whole table alone. */
  transaction?: LoadTransaction;
  /** Rows in the frames it took, from the manifest; confirmed by the server when `loaded`. */
  rows: number;
}

export function startLoading(
  relation: LoadRelation,
  options: LoadingOptions,
  deps: ShipperDeps,
): Loading {
  const { target, mode, encoding, workers, applicationName } = options;
  const name = `${relation.schema}.${relation.name}`;
  const shareBytes = Math.max(SHARE_BYTES_MIN, relation.bytes / (workers * SHARES_PER_WORKER));
  const runs = frameRuns(relation.extents, shareBytes);
  let [next, bytesLeft] = [0, bytesIn(relation.extents)];
  const members: Member[] = [];
  const shareable = Promise.withResolvers<boolean>();
  const stop = new AbortController();
  const outcome = Promise.withResolvers<void>();
  outcome.promise.catch(() => undefined);
  const concluded = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  const isAlone =
    workers === 1 ||
    runs.length === 1 ||
    relation.conditional === true ||
    target.greenplum !== undefined;
  if (isAlone) shareable.resolve(false);
  return {
    bytesLeft: () => (stop.signal.aborted ? 0 : bytesLeft),
    isShared: shareable.promise,
    join,
  };

  async function join(connection: Member['connection']): Promise<void> {
    // All rows are taken: this connection has nothing to do, and need not wait for the others.
    if (members.length > 0 && next >= runs.length) return;
    const member: Member = { connection, state: 'loading', hasTaken: false, rows: 0 };
    const position = members.push(member);
    if (position === 2) void watchForDeadlock();
    try {
      const session = await connection.open();
      if (position === 1) await beginAlone(member, session);
      if (position === 1 || next < runs.length) await load(member, session);
      else member.state = 'idle';
    } catch (error) {
      if (!isDropped(member)) {
        fail(error);
        member.state = 'idle';
      }
    }
    if (isDropped(member)) return outcome.promise;
    if (members.every(({ state }) => state !== 'loading')) await conclude();
    return outcome.promise;
  }

  /**
   * Locks the table against other writers unless several connections load it: the lock would stop
   * them too.
   */
  async function beginAlone(member: Member, session: Session): Promise<void> {
    const isShared = !isAlone && (await isShareable(session));
    if (!isShared) member.transaction = await beginLoad(session, relation, { mode, signal });
    shareable.resolve(isShared);
  }

  async function isShareable(session: Session): Promise<boolean> {
    using _ = onAbort(signal, () => void session.destroy());
    return canBeShared(session, relation);
  }

  async function load(member: Member, session: Session): Promise<void> {
    member.session = session;
    const over = new AbortController();
    const rows = rowsOfRuns(deps.store, take(member), {
      signal: AbortSignal.any([signal, over.signal]),
      ...opensFor(deps.keys, relation),
    });
    const options = { signal, encoding, begin: member.transaction === undefined, over };
    const count = await copyIn(session, relation, countBytes(rows, deps.progress), options);
    requireCount(name, count, member.rows);
    if (!isDropped(member)) member.state = 'loaded';
  }

  function* take(member: Member): Iterable<Run<SourceExtent>> {
    for (let run = runs[next]; run !== undefined; run = runs[next]) {
      next += 1;
      member.hasTaken = true;
      bytesLeft -= bytesIn(run.parts);
      member.rows += run.parts.reduce((sum, { rows }) => sum + rows, 0);
      yield run;
    }
    for (const other of members)
      if (other !== member && other.session !== undefined && !other.hasTaken) drop(other);
  }

  /**
   * Drops a connection that has taken no rows when none are left. It may still wait for the lock of
   * the table, behind a foreign session that waits for the end of the connections with rows, and
   * these wait for it: a deadlock.
   */
  function drop(member: Member): void {
    if (member.state !== 'loading') return;
    member.state = 'dropped';
    void member.connection.drop();
  }

  /** The first failure fails the relation and aborts all connections that still load. */
  function fail(error: unknown): void {
    shareable.resolve(false);
    if (!stop.signal.aborted && !concluded.signal.aborted) stop.abort(error);
  }

  /**
   * The server cannot see such a deadlock: one connection waits for a row of another, which has
   * loaded and waits here, in the shipper, for the first one to end.
   */
  async function watchForDeadlock(): Promise<void> {
    try {
      const ticks = setInterval(DEADLOCK_CHECK_MS, undefined, { signal: concluded.signal });
      for await (const _ of ticks) {
        const [observer] = sessionsIn('loaded');
        const running = pidsOf(sessionsIn('loading'));
        if (observer === undefined || running.length === 0) continue;
        if (await isDeadlocked(observer, running, pidsOf(sessionsIn('loaded')))) {
          const message = `${name}: deadlock between the connections that load it. A unique index or an exclusion constraint of the target rejects rows of one connection that conflict with rows of another, or with rows of a foreign session that waits for one of them`;
          fail(new StowageError('database/failed', message, { where: { relation: name } }));
        }
      }
    } catch (error) {
      fail(error);
    }
  }

  function sessionsIn(state: Member['state']): Session[] {
    return members.flatMap((member) =>
      member.state === state && member.session !== undefined ? [member.session] : [],
    );
  }

  /** Called when no connection loads any more. No connection commits before. */
  async function conclude(): Promise<void> {
    try {
      signal.throwIfAborted();
      requireCount(
        name,
        members.reduce((sum, { state, rows }) => sum + (state === 'loaded' ? rows : 0), 0),
        relation.rows,
      );
      concluded.abort();
      const [alone] = members.flatMap(({ transaction }) => transaction ?? []);
      await (alone?.commit() ?? commitAll(sessionsIn('loaded')));
      outcome.resolve();
    } catch (error) {
      await Promise.all(members.map(async ({ session }) => session?.destroy()));
      outcome.reject(error);
    } finally {
      concluded.abort();
    }
  }

  /** Ignores the signal from the first COMMIT on: either all connections commit, or none. */
  async function commitAll(sessions: readonly Session[]): Promise<void> {
    // Finds connections that broke while they waited, before another one has committed.
    if (sessions.length > 1)
      await Promise.all(sessions.map((session) => session.query('SELECT 1')));
    try {
      for (const session of sessions) await session.query('COMMIT');
    } catch (error) {
      if (sessions.length === 1) throw error;
      await Promise.all(sessions.map((session) => session.destroy()));
      await undoPartialLoad(target, relation, applicationName).catch((cause: unknown) => {
        throw partialLoad(name, error, cause);
      });
      throw error;
    }
  }
}

function partialLoad(name: string, error: unknown, cause: unknown): StowageError {
  const message = `${name}: a connection could not commit (${String(error)}), and the table could not be emptied afterwards: it may hold a part of its rows. Empty it before the next restore`;
  return new StowageError('database/failed', message, { cause, where: { relation: name } });
}

/** A function, because the compiler assumes that `state` does not change during an await. */
const isDropped = ({ state }: Member) => state === 'dropped';

const pidsOf = (sessions: readonly Session[]) => sessions.map(({ pid }) => pid);

function bytesIn(extents: readonly SourceExtent[]): number {
  return extents.reduce((sum, { bytes }) => sum + bytes, 0);
}
