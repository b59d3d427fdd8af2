import { isStowageError } from '../../backup-set/base/errors.ts';
import type { GreenplumTopology } from './topology.ts';

/**
 * Does work that leaves nothing behind when it fails. When it fails because a segment was lost, and
 * another instance is its primary now, the work is done once more.
 * @param known what was read before; the work fails when it is no longer true.
 * @throws the error of the work.
 */
export async function overFailover<T>(
  read: () => Promise<GreenplumTopology>,
  work: (topology: GreenplumTopology) => Promise<T>,
  known?: GreenplumTopology,
): Promise<T> {
  const before = known ?? (await read());
  try {
    return await work(before);
  } catch (error) {
    const isLoss =
      isStowageError(error, 'database/segment-down') ||
      isStowageError(error, 'database/unreachable');
    if (!isLoss) throw error;
    // It waits for the failover.
    const now = await read().catch(() => undefined);
    if (now === undefined || placesOf(now) === placesOf(before)) throw error;
    return work(now);
  }
}

const placesOf = ({ segments }: GreenplumTopology) =>
  JSON.stringify(segments.map(({ content, host, port }) => [content, host, port]));
