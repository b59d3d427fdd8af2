import type { RowBlock } from './row-block.ts';

/** A row that is too long for a block, on its way from the wire to who reads it: one chunk at a time. */
export interface LongRow {
  readonly block: RowBlock;
  /** A chunk waits to be read, or is being read: its memory may not be written to. */
  readonly busy: boolean;
  /** The last chunk has been read. */
  readonly over: boolean;
  /** Only when not busy. */
  put(piece: Piece): void;
  /** The reader, now or later, gets this error; what waits to be read is let go. */
  fail(error: unknown): void;
}

interface Piece {
  readonly chunk: Uint8Array;
  /** The row ends with it. */
  readonly last: boolean;
  /** Nobody reads the chunk any more; called once, whatever happens. */
  release(): void;
  /** The reader has asked for what follows; called after `release`. */
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
  function letGo(): void {
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
        letGo();
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
      if (!reading) letGo();
      wake();
    },
  };
}
