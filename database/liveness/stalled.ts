import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { STALL_SECONDS_DEFAULT } from '../connection-settings.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { placeOf } from '../session/place.ts';
import { describeBackends, type Liveness, onlyWaitForLocks } from './backend.ts';

export function stallMsOf({ stallSeconds = STALL_SECONDS_DEFAULT }: ConnectionTarget): number {
  return stallSeconds * 1000;
}

/** A statement or a program that has been silent. */
export interface Silent {
  readonly target: ConnectionTarget;
  /** What waits, e.g. `"SELECT 1"` or `pg_dump`. */
  readonly doing: string;
  readonly silentMs: number;
  /**
   * The statement sends nothing before its end, which may be hours away: a count, an index, an
   * ANALYZE.
   */
  readonly mayBeSilent: boolean;
  /** A program that runs many statements and prints nothing before its end. */
  readonly isProgram?: true;
}

/**
 * Whether to go on after a silence. Only a server that answers can say that work goes on. Where
 * silence is usual, a running statement is enough; elsewhere it must be seen to move.
 */
export function isAlive(seen: Liveness, silent: Silent): boolean {
  const { mayBeSilent, isProgram, target } = silent;
  if (isProgram && 'quietMs' in seen && seen.quietMs < quietMsMax(target, seen)) return true;
  switch (seen.kind) {
    case 'moving':
      return true;
    case 'still':
      return mayBeSilent && !onlyWaitForLocks(seen.backends);
    case 'unknown':
      return mayBeSilent;
    case 'server-silent':
    case 'gone':
    case 'idle':
      return false;
  }
}

/**
 * Greenplum's pg_dump reads all tables with their partitions by one statement, which computes for
 * minutes when there are 100,000 of them, and shows nothing meanwhile.
 */
const STALLS_OF_ONE_STATEMENT = 10;

function quietMsMax(target: ConnectionTarget, seen: Liveness): number {
  const computes = seen.kind === 'still' && !onlyWaitForLocks(seen.backends);
  const stalls = target.greenplum !== undefined && computes ? STALLS_OF_ONE_STATEMENT : 1;
  return stallMsOf(target) * stalls;
}

export function stalledError(silent: Silent, seen: Liveness): StowageError {
  const { target } = silent;
  return new StowageError('database/stalled', `${silence(silent)}. ${explain(seen)}`, {
    ...(target.content === undefined ? {} : { where: { content: target.content } }),
    ...('cause' in seen ? { cause: seen.cause } : {}),
  });
}

/** The line that says why the watch goes on. */
export function aliveNote(silent: Silent, seen: Liveness): string {
  const why = 'backends' in seen ? describeBackends(seen.backends) : explain(seen);
  return `${silence(silent)}; the server answers and the work goes on: ${why}`;
}

function silence({ target, doing, silentMs }: Silent): string {
  return `${placeOf(target)} has not answered ${doing} for ${Math.round(silentMs / 1000)} s`;
}

function explain(seen: Liveness): string {
  switch (seen.kind) {
    case 'server-silent':
      return `The server does not answer a new connection either (${messageOf(seen.cause)})`;
    case 'unknown':
      return `The server answers, but does not show the statement (${messageOf(seen.cause)})`;
    case 'gone':
      return 'The server answers, but has no such process any more: the connection was cut on the way';
    case 'idle':
      return `The server answers, and waits for this client: ${describeBackends(seen.backends)}. Messages were lost on the way`;
    case 'moving':
    case 'still':
      return `The server answers, and nothing moves: ${describeBackends(seen.backends)}`;
  }
}
