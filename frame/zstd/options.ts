import { constants, type ZstdOptions } from 'node:zlib';

/**
 * Options of every frame. With the checksum, a reader detects a flipped bit. `nbWorkers` stays 0:
 * with more workers node:zlib loses data without an error (measured on Node 22, 24 and 26).
 */
export function frameOptions(level: number): ZstdOptions {
  return {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  };
}
