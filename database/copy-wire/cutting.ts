/**
 * Where blocks of rows are cut. Between the two lengths the content decides, so that the same rows
 * give the same blocks.
 */
export interface Cutting {
  /** A block is cut by content from this length on. */
  readonly blockBytesMin: number;
  /** A block is never longer: a longer row is handed out as a long row. */
  readonly blockBytesMax: number;
  /** A row is a cut with this probability per byte of it, times 2³². */
  readonly factor: number;
}

/** Blocks of `frameBytes` on average: at least half of that, and at most one and a half. */
export function cuttingFor(frameBytes: number): Cutting {
  const half = Math.max(1, Math.floor(frameBytes / 2));
  return {
    blockBytesMin: half,
    blockBytesMax: half * 3,
    factor: Math.min(0xffffffff, Math.max(1, Math.round(2 ** 32 / half))),
  };
}
