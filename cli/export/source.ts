/** A column of an export. */
export interface Column {
  readonly name: string;
  /** As `format_type` prints it; absent = not known. */
  readonly type?: string;
}

/** Rows in COPY text that have the same columns in the same order. */
export interface Piece {
  /** The names of the values of a row, in their order. */
  readonly columns: readonly string[];
  readonly encoding: string;
  /** A chunk may end anywhere. Its memory is used again when the next one is requested. */
  readonly rows: AsyncIterable<Uint8Array>;
}

/** Where an export gets its rows from. */
export interface RowSource {
  /** For people, such as `public.t of set 20260101000000`. */
  readonly what: string;
  /** Columns that are exported, in their order. */
  readonly columns: readonly Column[];
  /** Fields of the summary and of a receipt. */
  readonly from: Readonly<Record<string, unknown>>;
  /** How many rows there are, by the manifest or the server; asked when all have been read. */
  readonly rows: () => number;
  readonly bytes?: number;
  /** Names of tables that may be partitions of it, and whose rows the set does not have. */
  readonly mayLack?: readonly string[];
  pieces(): AsyncIterable<Piece>;
}

/** What has left, for progress and summary. */
export interface Exported {
  rows: number;
  /** Of COPY text, before any conversion. */
  bytes: number;
}
