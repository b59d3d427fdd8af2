/** Whole rows in COPY text format, as they are received. */
export type RowBlock =
  /** `rows` is a view into the arena, valid until `release`; `count` newline bytes are in it, and the last byte is one. */
  | { readonly kind: 'rows'; readonly rows: Uint8Array; readonly count: number; release(): void }
  /**
   * Exactly one row, too long for a block; must be read to its end before the next block is asked for. Each chunk is valid
   * until the next one is asked for.
   */
  | { readonly kind: 'long-row'; readonly chunks: AsyncIterable<Uint8Array> };
