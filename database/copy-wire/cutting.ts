/** Where blocks of rows are cut: between these lengths by content, so that the same rows give the same blocks. */
export interface Cutting {
  /** A block is cut by content from this length on. */
  readonly blockBytesMin: number;
  /** A block is never longer; a row that is, is no block. */
  readonly blockBytesMax: number;
  /** A row is a cut with this probability per byte of it, times 2³². */
  readonly factor: number;
}

/** Blocks of about `frameBytes`: at least half of it, then as much again on average, and never more than one and a half of it. */
export function cuttingFor(frameBytes: number): Cutting {
  const half = Math.max(1, Math.floor(frameBytes / 2));
  return {
    blockBytesMin: half,
    blockBytesMax: half * 3,
    factor: Math.min(0xffffffff, Math.max(1, Math.round(2 ** 32 / half))),
  };
}
