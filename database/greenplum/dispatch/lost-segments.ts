import { mapInFlight } from '../../../async/each-in-flight.ts';
import { isStowageError, StowageError } from '../../../backup-set/base/errors.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
import type { ConnectionTarget, Segment } from '../../flavour.ts';
import { sqlStateOf } from '../../session/database-error.ts';
import { openSession } from '../../session/session.ts';
import { readTopology } from '../topology.ts';

const SEGMENT_LOST = '58M01';
const PROBES_AT_ONCE = 32;
const NAMED_MAX = 10;

/**
 * The coordinator does not say which segment was lost during a COPY. Asks every segment, and names
 * in the error those that do not answer: after a crash, a segment recovers for a second or longer.
 * @param target a coordinator that dispatches. @returns the error itself when it has another cause.
 */
export async function namingLostSegments(
  target: ConnectionTarget,
  error: unknown,
  signal: AbortSignal,
): Promise<unknown> {
  if (target.greenplum === undefined || !isStowageError(error, 'database/failed')) return error;
  if (sqlStateOf(error) !== SEGMENT_LOST) return error;
  const lost = await findLost(target, signal).catch((cause: unknown) =>
    isStowageError(cause, 'database/unreachable') ? [cause.message] : [],
  );
  if (lost.length === 0) return error;
  const more = lost.length > NAMED_MAX ? ` and ${lost.length - NAMED_MAX} more` : '';
  const message = `${error.message}: ${lost.slice(0, NAMED_MAX).join(', ')}${more}`;
  return new StowageError(error.code, message, { cause: error, where: error.where });
}

async function findLost(target: ConnectionTarget, signal: AbortSignal): Promise<string[]> {
  const { host, port } = target;
  const { segments } = await readTopology({ content: COORDINATOR, host, port }, target, { signal });
  const others = segments.filter(({ content }) => content !== COORDINATOR);
  const found = await mapInFlight(others, PROBES_AT_ONCE, async (segment) => {
    const answers = await isAnswering(target, segment, signal);
    return answers ? [] : [`content ${segment.content} (${segment.host}:${segment.port}) is down`];
  });
  return found.flat();
}

/** Only a segment that cannot be reached counts as lost, not one that refuses this role or host. */
async function isAnswering(
  { greenplum: _, ...target }: ConnectionTarget,
  { content, host, port, options }: Segment,
  signal: AbortSignal,
): Promise<boolean> {
  const place = { ...target, content, host, port, ...(options !== undefined && { options }) };
  try {
    const session = await openSession(place, {
      purpose: 'probe',
      applicationName: 'stowage probe',
      signal,
    });
    await session.close();
    return true;
  } catch (error) {
    return !isStowageError(error, 'database/unreachable');
  }
}
