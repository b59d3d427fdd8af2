import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { openSession } from '../session.ts';
import { describeLost } from './lost-segments.ts';
import { contentIn } from './named-segment.ts';
import { readState, silentContents, UTILITY } from './through-failover.ts';

/**
 * The error of a statement on Greenplum's coordinator, with the segment that was lost where the
 * server does not name it (`MPP detected 1 segment failures`). Never throws.
 */
export async function nameLostSegment(
  error: unknown,
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const { greenplum } = target;
  if (greenplum === undefined || !isStowageError(error, 'database/segment-down')) return error;
  if (contentIn(error) !== undefined) return error;
  const options = { purpose: 'probe', applicationName: 'stowage probe', signal } as const;
  // In utility mode, because the coordinator does not reach all segments.
  const coordinator = { ...target, options: UTILITY[greenplum] };
  try {
    const session = await openSession(coordinator, options);
    try {
      const state = await readState(session);
      const lost = await silentContents(session, state, { open: openSession, signal });
      const [content] = lost;
      if (content === undefined) return error;
      const message = `${error.message}; lost: ${describeLost(lost, state)}`;
      return new StowageError(error.code, message, {
        cause: error,
        where: { ...error.where, content },
      });
    } finally {
      await session.close();
    }
  } catch {
    return error;
  }
}
