/**
 * Node's flags for our programs. One V8 worker thread is enough for their garbage collections:
 * starting four costs a shipper of one small table a tenth of its CPU.
 *
 * `--max-semi-space-size` and `--v8-pool-size` leave V8's digest of its flags as it is. Every flag
 * that changes the digest makes V8 reject the code that Node has compiled of its own modules, and
 * compile some 60 of them at each start, for 12 to 25 ms.
 */
const flags = (youngMiB: number): readonly string[] => [
  `--max-semi-space-size=${youngMiB}`,
  '--v8-pool-size=1',
];

/**
 * For a shipper. It holds tens of MiB of buffers next to a heap of 12 MiB, and frees them itself
 * (zstd.ts, release.ts). V8 counts them too. With its default limits, which follow the small heap,
 * it collects more often, for about a tenth of the CPU of a shipper of 800 MB. An initial limit of
 * 64 MiB prevents that, at the same peak memory, and is worth its slower start (see above).
 *
 * Only V8 can free the buffers of HTTP bodies, when it collects its young objects. With 1 MiB for
 * young objects that happens early enough to avoid full collections: reading then takes a third
 * less CPU.
 */
export const SHIPPER_FLAGS = [...flags(1), '--initial-old-space-size=64'];

/** For the command line, which handles more documents than buffers. */
export const COORDINATOR_FLAGS = flags(4);
