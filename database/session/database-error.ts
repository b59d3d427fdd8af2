import {
  type ErrorCode,
  isStowageError,
  messageOf,
  StowageError,
} from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { contentIn, SEGMENT_LOST } from './failover/named-segment.ts';
import { placeOf } from './place.ts';

/** The SQLSTATE in an error or one of its causes; undefined when no server sent one. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (
      'code' in at &&
      typeof at.code === 'string' &&
      /^[0-9A-Z]{5}$/.test(at.code) &&
      'severity' in at
    )
      return at.code;
  }
  return undefined;
}

/**
 * Whether the server has rejected a statement and the session goes on. 57P01 to 57P05 end it. A
 * foreign server that cannot be reached is such a rejection, with a SQLSTATE of class 08.
 */
export function isRejection(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state === undefined || state.startsWith('57P')) return false;
  return !isStowageError(error, 'database/stalled') && !isStowageError(error, 'interrupted');
}

/**
 * Turns an error of node-postgres into a StowageError with the place, the server's message and its
 * SQLSTATE. `failed` says what failed at a place, and must not contain a password.
 */
export function databaseError(
  error: unknown,
  target: ConnectionTarget,
  failed: (place: string) => string,
): StowageError {
  if (error instanceof StowageError) return error;
  const state = sqlStateOf(error);
  const suffix = state === undefined ? '' : ` (SQLSTATE ${state})`;
  const code =
    state === undefined && messageOf(error).startsWith('SASL') ? 'database/denied' : codeFor(state);
  // Greenplum's coordinator reports errors of its segments, and names the segment.
  const content = (target.content === -1 ? contentIn(error) : undefined) ?? target.content;
  return new StowageError(code, `${failed(placeOf(target))}: ${messageOf(error)}${suffix}`, {
    cause: error,
    ...(content === undefined ? {} : { where: { content } }),
  });
}

/** Without a SQLSTATE no server answered: connection refused, timed out or broken. */
function codeFor(state: string | undefined): ErrorCode {
  if (state === undefined) return 'database/unreachable';
  if (state.startsWith('28') || state === '42501') return 'database/denied';
  if (state === '55P03' || state === '40P01') return 'database/locked';
  if (state === SEGMENT_LOST) return 'database/segment-down';
  // 53300 too many connections; 57P01 to 57P03 shutting down, crashed, starting up.
  if (state.startsWith('08') || state === '53300' || /^57P0[1-3]$/.test(state))
    return 'database/unreachable';
  return 'database/failed';
}
