/** Whole rows of one relation in COPY text format, cut from what the server sends. */
export type RowBlock =
  /** A view on memory that is used again after `release`, which is called once. */
  | { readonly kind: 'rows'; readonly rows: Uint8Array; readonly count: number; release(): void }
  /** Exactly one row, too long to be held; must be consumed before the next block is asked for. */
  | { readonly kind: 'long-row'; readonly chunks: AsyncIterable<Uint8Array> };
