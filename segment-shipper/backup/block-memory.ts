import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { type BlockArena, blockArena } from '../../database/copy-wire/block-arena.ts';
import { cuttingFor } from '../../database/copy-wire/cutting.ts';

/**
 * Frames of one worker that may be compressed or appended at the same time. With one, the threads
 * idle while a frame is appended. Each further one holds a block and a compressed frame in memory.
 */
export const FRAMES_PENDING_MAX = 3;

/** WebAssembly addresses 4 GiB; the receive buffers of the connections need some of it. */
const BLOCKS_BYTES_MAX = 3.75 * 1024 ** 3;

/** Blocks of rows in a shipper: each worker fills one, and the others are being compressed. */
export const blocksFor = (workers: number) => workers + FRAMES_PENDING_MAX;

/** Why so many workers do not fit in memory with frames of this size; undefined when they fit. */
export function blockMemoryProblem(workers: number, frameBytes: number): string | undefined {
  const { blockBytesMax } = cuttingFor(frameBytes);
  if (blocksFor(workers) * blockBytesMax <= BLOCKS_BYTES_MAX) return undefined;
  const workersMax = Math.floor(BLOCKS_BYTES_MAX / blockBytesMax) - FRAMES_PENDING_MAX;
  return `frames of ${frameBytes} bytes allow at most ${plural(workersMax, 'worker')} in a shipper, not ${workers}: lower frameBytes or workers`;
}

/**
 * The memory for the rows of all workers. The command line checks its own `workers`; an agent's
 * configuration may have another value.
 * @throws StowageError `config/invalid`
 */
export function arenaFor(workers: number, frameBytes: number): BlockArena {
  const problem = blockMemoryProblem(workers, frameBytes);
  if (problem !== undefined)
    throw new StowageError('config/invalid', problem, { where: { field: 'workers' } });
  return blockArena({ connections: workers, blocks: blocksFor(workers), frameBytes });
}
