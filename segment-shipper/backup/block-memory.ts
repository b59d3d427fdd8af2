import { cuttingFor } from '../../database/copy-wire/cutting.ts';

/**
 * Frames of one worker that may be compressed at once: with one the pool idles while a frame is appended; each more holds
 * a block and a compressed frame in memory.
 */
export const FRAMES_PENDING_MAX = 3;

/** WebAssembly addresses 4 GiB; what connections read into is there beside the blocks of rows. */
const BLOCKS_BYTES_MAX = 3.75 * 1024 ** 3;

/** Blocks of rows that a shipper has: each worker fills one; the others are being compressed, whoever's they are. */
export const blocksFor = (workers: number) => workers + FRAMES_PENDING_MAX;

/** What is wrong with so many workers and frames of this size together, and what would be right; undefined when nothing is. */
export function blockMemoryProblem(workers: number, frameBytes: number): string | undefined {
  const { blockBytesMax } = cuttingFor(frameBytes);
  if (blocksFor(workers) * blockBytesMax <= BLOCKS_BYTES_MAX) return undefined;
  const workersMax = Math.floor(BLOCKS_BYTES_MAX / blockBytesMax) - FRAMES_PENDING_MAX;
  return `frames of ${frameBytes} bytes leave room for ${workersMax} workers in a shipper, not for ${workers}`;
}
