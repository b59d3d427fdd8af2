/** Whole rows in COPY text format, as the server sent them. */
export type RowBlock =
  /**
   * `rows` is a view of the arena, valid until `release`. It has `count` newlines and ends with
   * one.
   */
  | { readonly kind: 'rows'; readonly rows: Uint8Array; readonly count: number; release(): void }
  /**
   * Exactly one row that is too long for a block. Read it to its end before the next block. Each
   * chunk
   * is valid until the next one is requested.
   */
  | { readonly kind: 'long-row'; readonly chunks: AsyncIterable<Uint8Array> };
