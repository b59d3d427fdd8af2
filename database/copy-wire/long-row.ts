import type { RowBlock } from './row-block.ts';

/** A row that is too long for a block: it goes from the connection to the reader chunk by chunk. */
export interface LongRow {
  readonly block: RowBlock;
  /** A chunk waits or is being read: its memory must not be overwritten. */
  readonly busy: boolean;
  /** The last chunk has been read. */
  readonly over: boolean;
  /** Call it only when not busy. */
  put(piece: Piece): void;
  /** The reader gets this error, now or at its next read; a waiting chunk is released. */
  fail(error: unknown): void;
}

interface Piece {
  readonly chunk: Uint8Array;
  /** True for the last chunk of the row. */
  readonly last: boolean;
  /** The chunk is not read any more. Called exactly once, also after an error. */
  release(): void;
  /** The reader asks for the next chunk; called after `release`. */
  more(): void;
}

export function longRow(): LongRow {
  let piece: Piece | undefined;
  let reading = false;
  let over = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: () => void = () => {};

  async function next(): Promise<Piece> {
    for (;;) {
      if (failure !== undefined) throw failure.error;
      if (piece !== undefined) return piece;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
  function releasePiece(): void {
    piece?.release();
    piece = undefined;
    reading = false;
  }
  async function* chunks(): AsyncGenerator<Uint8Array> {
    while (!over) {
      const { chunk, last, more } = await next();
      reading = true;
      try {
        yield chunk;
      } finally {
        releasePiece();
      }
      over = last;
      more();
    }
  }
  return {
    block: { kind: 'long-row', chunks: chunks() },
    get busy() {
      return piece !== undefined;
    },
    get over() {
      return over;
    },
    put: (next) => {
      piece = next;
      wake();
    },
    fail: (error) => {
      failure ??= { error };
      if (!reading) releasePiece();
      wake();
    },
  };
}
