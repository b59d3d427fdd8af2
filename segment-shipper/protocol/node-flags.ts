/**
 * How Node runs our programs. A shipper holds tens of MiB of buffers beside a heap of 12, and frees them itself (zstd.ts, release.ts).
 * V8 counts them and, with limits that follow the small heap, collected ten times a second, for a third of the shipper's CPU; a
 * first limit of 64 MiB keeps it from that, at the same peak. One helper is enough for what is left: starting four costs a shipper of
 * one small table a tenth of its CPU.
 */
const flags = (youngMiB: number): readonly string[] => [
  `--max-semi-space-size=${youngMiB}`,
  '--initial-old-space-size=64',
  '--v8-pool-size=1',
];

/**
 * A shipper's. The buffers in which HTTP bodies arrive nobody can free: they go when V8 looks through its young objects, which with
 * 1 MiB for those happens before their number makes it look through all: a third less CPU for reading.
 */
export const SHIPPER_FLAGS = flags(1);

/** The command line's: it handles documents more than buffers. */
export const COORDINATOR_FLAGS = flags(4);
