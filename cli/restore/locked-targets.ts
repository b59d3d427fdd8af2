import { eachInFlight } from '../../async/each-in-flight.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { Segment } from '../../database/flavour.ts';
import type { Session } from '../../database/session/session.ts';
import { lockForRestore } from '../../database/target/restore-lock.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { changedSegments } from './expected.ts';

const SEGMENTS_AT_ONCE = 16;

/**
 * Runs `work` while this process holds the restore lock of every target database. Its context has
 * a signal that also fires when one of the locks is lost.
 * @throws StowageError `restore/refused` when another restore holds a target.
 */
export async function withLockedTargets<T>(
  context: ClusterContext,
  segments: readonly Segment[],
  restore: string,
  work: (context: ClusterContext) => Promise<T>,
): Promise<T> {
  const sessions: Session[] = [];
  const lost = new AbortController();
  const lock = async (segment: Segment) => {
    const target = targetOf(context.config, segment, context.env);
    const session = await lockForRestore(target, restore, context.signal);
    sessions.push(session);
    session.lost.catch((error: unknown) => lost.abort(lockLost(segment, target.database, error)));
  };
  const [first, ...others] = changedSegments(context.config.flavour, segments);
  try {
    // Of two restores that start together, the one with the first lock gets all others, too.
    if (first !== undefined) await lock(first);
    await eachInFlight(others, SEGMENTS_AT_ONCE, lock);
    const signal = AbortSignal.any([context.signal, lost.signal]);
    return await work({ ...context, signal });
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

function lockLost({ content, host, port }: Segment, database: string, cause: unknown) {
  return new StowageError(
    'database/unreachable',
    `the restore was stopped because it lost its lock on database ${database} of content ${content} (${host}:${port}), without which another restore could start: ${messageOf(cause)}`,
    { cause, where: { content } },
  );
}
