/**
 * Node's flags for our programs. A shipper holds tens of MiB of buffers next to a heap of 12 MiB,
 * and frees them itself (zstd.ts, release.ts). V8 counts them too. With its default limits, which
 * follow the small heap, it collected ten times a second and used a third of the shipper's CPU. An
 * initial limit of 64 MiB prevents that, at the same peak memory. One V8 worker thread is enough
 * for the remaining collections: starting four costs a shipper of one small table a tenth of its
 * CPU.
 */
const flags = (youngMiB: number): readonly string[] => [
  `--max-semi-space-size=${youngMiB}`,
  '--initial-old-space-size=64',
  '--v8-pool-size=1',
];

/**
 * For a shipper. Only V8 can free the buffers of HTTP bodies, when it collects its young objects.
 * With 1 MiB for young objects that happens early enough to avoid full collections: reading then
 * takes a third less CPU.
 */
export const SHIPPER_FLAGS = flags(1);

/** For the command line, which handles more documents than buffers. */
export const COORDINATOR_FLAGS = ['--max-semi-space-size=4', '--v8-pool-size=1'];
