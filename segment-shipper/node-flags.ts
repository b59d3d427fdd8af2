/**
 * How Node runs a shipper. It holds tens of MiB of buffers beside a heap of 12, and frees them itself (zstd.ts, release.ts). V8 counts
 * them and, with limits that follow the small heap, collected ten times a second, for a third of the shipper's CPU; a first
 * limit of 64 MiB keeps it from that, at the same peak. One helper is enough for what is left: starting four costs a shipper of one
 * small table a tenth of its CPU.
 */
export const NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=4',
  '--initial-old-space-size=64',
  '--v8-pool-size=1',
];
