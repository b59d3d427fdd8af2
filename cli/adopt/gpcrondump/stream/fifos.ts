import { mapInFlight } from '../../../../async/each-in-flight.ts';
import { watchSilence } from '../../../../async/watch/silence.ts';
import { isThisHost, sshCommand } from '../../../config/config.ts';
import type { ClusterContext } from '../../../context.ts';
import { type Fifo, makeFifo } from './fifo.ts';
import type { ListedDump } from './pipe-list.ts';

/** sshd refuses more connections that are not authenticated yet. */
const MADE_AT_ONCE = 4;

/** Makes all FIFOs, or none. @throws StowageError `adopt/fifo` */
export async function makeFifos(
  { config, signal }: Pick<ClusterContext, 'config' | 'signal'>,
  dumps: readonly ListedDump[],
): Promise<Fifo[]> {
  const made: Fifo[] = [];
  try {
    return await mapInFlight(dumps, MADE_AT_ONCE, async (dump) => {
      const command = isThisHost(dump.host) ? undefined : sshCommand(config, dump.host);
      const fifo = await makeFifo(dump, command, signal);
      made.push(fifo);
      return fifo;
    });
  } catch (error) {
    await closeFifos(made);
    throw error;
  }
}

export const closeFifos = (fifos: readonly Fifo[]) =>
  Promise.all(fifos.map((fifo) => fifo.close()));

export interface Bounds {
  /** So long, no FIFO that is awaited may give a byte. */
  readonly idleMs: number;
  /** As `idleMs`, when gpcrondump has ended. */
  readonly graceMs: number;
}

/**
 * Gives up the FIFOs that have not ended, when gp_dump writes nothing for too long. Time in which a
 * consumer is busy does not count.
 */
export function watchFifos(
  fifos: readonly Fifo[],
  hasEnded: () => Promise<boolean>,
  { idleMs, graceMs }: Bounds,
): Disposable {
  const open = () => fifos.filter(({ isDone }) => !isDone);
  return watchSilence({
    afterMs: graceMs,
    look() {
      const awaited = open();
      if (awaited.length === 0 || awaited.some(({ isAwaited }) => !isAwaited)) return undefined;
      return fifos.reduce((sum, { received }) => sum + received, 0);
    },
    async onSilent(silentMs) {
      const isOver = await hasEnded().catch(() => false);
      if (!isOver && silentMs < idleMs) return;
      const why = isOver ? 'gpcrondump has ended' : `no FIFO had a byte for ${idleMs / 1000} s`;
      for (const fifo of open())
        fifo.giveUp(
          fifo.received === 0
            ? `${why}, and nothing was written into its FIFO`
            : `${why}, and the stream of its FIFO had no end`,
        );
    },
  });
}
