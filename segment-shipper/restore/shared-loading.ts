import { setInterval } from 'node:timers/promises';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { LoadRelation, SourceExtent } from '../../backup-set/documents/restore.ts';
import { copyIn } from '../../database/copy/copy-in.ts';
import { canBeShared, isDeadlocked, undoPartialLoad } from '../../database/copy/shared-load.ts';
import type { ConnectionTarget } from '../../database/flavour.ts';
import type { Session } from '../../database/session/session.ts';
import type { ShipperDeps } from '../deps.ts';
import { countBytes, frameRuns, rowsOfRuns } from '../read/rows-of.ts';
import type { Run } from '../read/runs.ts';
import type { RestoreConnection } from './connection.ts';
import { requireCount } from './order-result.ts';

/** A relation in the hands of one connection, or of several (docs/design/0015). */
export interface Loading {
  /** Bytes of rows that no connection has taken yet. */
  bytesLeft(): number;
  /** Whether further connections may join; known once the first one has looked at the table. */
  readonly isShared: Promise<boolean>;
  /**
   * Loads rows over one more connection, until all are taken; resolves when the relation is committed as a whole.
   * @throws what made it fail; then nothing of it is there, and no connection that took part can be used again.
   */
  join(connection: Pick<RestoreConnection, 'open' | 'drop'>): Promise<void>;
}

export interface LoadingOptions {
  readonly target: ConnectionTarget;
  readonly encoding: string;
  /** Connections that may come to share the relation. */
  readonly workers: number;
  readonly applicationName: string;
}

/** What a connection takes at a time has at least so many bytes of rows: its requests stay large. */
const SHARE_BYTES_MIN = 16 * 1024 * 1024;
/** And at most so many, so that all connections end at about the same time. */
const SHARES_PER_WORKER = 8;
const LOOK_EVERY_MS = 1_000;

interface Member {
  readonly connection: Pick<RestoreConnection, 'open' | 'drop'>;
  /** Undefined until it is connected, and for one that came too late to find rows. */
  session?: Session;
  state: 'loading' | 'arrived' | 'idle' | 'let go';
  hasTaken: boolean;
  /** What the manifest says of the frames it took; once it has arrived, the server says the same. */
  rows: number;
}

export function startLoading(
  relation: LoadRelation,
  options: LoadingOptions,
  deps: ShipperDeps,
): Loading {
  const { target, encoding, workers, applicationName } = options;
  const name = `${relation.schema}.${relation.name}`;
  const shareBytes = Math.max(SHARE_BYTES_MIN, relation.bytes / (workers * SHARES_PER_WORKER));
  const runs = frameRuns(relation.extents, shareBytes);
  let [next, bytesLeft] = [0, bytesIn(relation.extents)];
  const members: Member[] = [];
  const looked = Promise.withResolvers<boolean>();
  const stop = new AbortController();
  const decided = Promise.withResolvers<void>();
  decided.promise.catch(() => undefined);
  const concluded = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  const isAlone = workers === 1 || runs.length === 1 || target.greenplum !== undefined;
  if (isAlone) looked.resolve(false);
  return {
    bytesLeft: () => (stop.signal.aborted ? 0 : bytesLeft),
    isShared: looked.promise,
    join,
  };

  async function join(connection: Member['connection']): Promise<void> {
    // Whoever comes when all is taken has nothing to wait for.
    if (members.length > 0 && next >= runs.length) return;
    const member: Member = { connection, state: 'loading', hasTaken: false, rows: 0 };
    const position = members.push(member);
    if (position === 2) void watch();
    try {
      const session = await connection.open();
      if (position === 1) await look(session);
      if (position === 1 || next < runs.length) await load(member, session);
      else member.state = 'idle';
    } catch (error) {
      if (!isLetGo(member)) {
        fail(error);
        member.state = 'idle';
      }
    }
    if (isLetGo(member)) return decided.promise;
    if (members.every(({ state }) => state !== 'loading')) await conclude();
    return decided.promise;
  }

  async function look(session: Session): Promise<void> {
    if (isAlone) return;
    const cut = () => void session.destroy();
    signal.addEventListener('abort', cut, { once: true });
    try {
      looked.resolve(await canBeShared(session, relation));
    } finally {
      signal.removeEventListener('abort', cut);
    }
  }

  async function load(member: Member, session: Session): Promise<void> {
    member.session = session;
    const over = new AbortController();
    const rows = rowsOfRuns(deps.store, take(member), AbortSignal.any([signal, over.signal]));
    const options = { signal, encoding, begin: true, over };
    const count = await copyIn(session, relation, countBytes(rows, deps.progress), options);
    requireCount(name, count, member.rows);
    if (!isLetGo(member)) member.state = 'arrived';
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
      if (other !== member && other.session !== undefined && !other.hasTaken) letGo(other);
  }

  /**
   * One that has taken nothing may still wait for the table's lock, behind somebody who waits for the end of those that have
   * rows, who wait for it. There is nothing left that it could do.
   */
  function letGo(member: Member): void {
    if (member.state !== 'loading') return;
    member.state = 'let go';
    void member.connection.drop();
  }

  /** The first failure is the relation's; it ends all that is still under way. */
  function fail(error: unknown): void {
    looked.resolve(false);
    if (!stop.signal.aborted && !concluded.signal.aborted) stop.abort(error);
  }

  /** Two connections may wait for each other through us, one for a row and one for the other's end. */
  async function watch(): Promise<void> {
    try {
      for await (const _ of setInterval(LOOK_EVERY_MS, undefined, { signal: concluded.signal })) {
        const [asking] = sessionsIn('arrived');
        const running = pidsOf(sessionsIn('loading'));
        if (asking === undefined || running.length === 0) continue;
        if (await isDeadlocked(asking, running, pidsOf(sessionsIn('arrived')))) {
          const message = `${name}: rows of one connection collide with those of another, or with those of somebody else, who waits for it; a unique index or an exclusion constraint of the target refuses them`;
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

  /** Comes when all have ended: nobody commits before. */
  async function conclude(): Promise<void> {
    try {
      signal.throwIfAborted();
      requireCount(
        name,
        members.reduce((sum, { state, rows }) => sum + (state === 'arrived' ? rows : 0), 0),
        relation.rows,
      );
      concluded.abort();
      await commitAll(sessionsIn('arrived'));
      decided.resolve();
    } catch (error) {
      await Promise.all(members.map(async ({ session }) => session?.destroy()));
      decided.reject(error);
    } finally {
      concluded.abort();
    }
  }

  /** From the first COMMIT on nothing interrupts: what some have committed, all must have, or none. */
  async function commitAll(sessions: readonly Session[]): Promise<void> {
    // A connection that broke while it waited for the others must not be noticed after their COMMIT.
    if (sessions.length > 1)
      await Promise.all(sessions.map((session) => session.query('SELECT 1')));
    try {
      for (const session of sessions) await session.query('COMMIT');
    } catch (error) {
      if (sessions.length === 1) throw error;
      await Promise.all(sessions.map((session) => session.destroy()));
      await undoPartialLoad(target, relation, applicationName).catch((cause: unknown) => {
        throw leftBehind(name, error, cause);
      });
      throw error;
    }
  }
}

function leftBehind(name: string, error: unknown, cause: unknown): StowageError {
  const message = `${name}: not every connection could commit (${String(error)}), and the table could not be emptied again: it may hold a part of its rows`;
  return new StowageError('database/failed', message, { cause, where: { relation: name } });
}

/** The compiler does not see that it may have happened meanwhile. */
const isLetGo = ({ state }: Member) => state === 'let go';

const pidsOf = (sessions: readonly Session[]) => sessions.map(({ pid }) => pid);

function bytesIn(extents: readonly SourceExtent[]): number {
  return extents.reduce((sum, { bytes }) => sum + bytes, 0);
}
