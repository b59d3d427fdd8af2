const NEWLINE = 0x0a;

/** Counts rows of COPY text. Each newline ends a row: COPY writes one inside a value as `\n`. */
export interface RowCount {
  feed(chunk: Uint8Array): void;
  /** Undefined when the last row has no end. */
  count(): number | undefined;
}

export function countRows(): RowCount {
  let rows = 0;
  let last = NEWLINE;
  return {
    feed(chunk) {
      // A plain loop: when rows are short, one indexOf per row costs several times as much.
      for (let index = 0; index < chunk.length; index += 1) if (chunk[index] === NEWLINE) rows += 1;
      last = chunk.at(-1) ?? last;
    },
    count: () => (last === NEWLINE ? rows : undefined),
  };
}
