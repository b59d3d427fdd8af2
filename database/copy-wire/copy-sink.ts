import type { Block, BlockArena, Staging } from './block-arena.ts';
import { type LongRow, longRow } from './long-row.ts';
import type { RowBlock } from './row-block.ts';
import { FACTOR_MAX, FIELD, SPLIT } from './splitter/splitter.ts';

/** What the reader of a sink gets, in the order in which the server sent it. */
export type Received =
  | { readonly kind: 'block'; readonly block: RowBlock; readonly long?: LongRow }
  /** A COPY has ended; `rows` is the server's count. */
  | { readonly kind: 'copied'; readonly rows: number };

/**
 * Collects the rows of one query, with one or more COPY, in blocks for one reader. The connection's
 * side is synchronous: when it returns false it must wait, until `kick` is called.
 */
export interface CopySink {
  /** The reader still reads memory that the splitter would write to. */
  readonly blocked: boolean;
  /**
   * The splitter has stopped at a cut, or because a block is full. False: it cannot continue yet.
   */
  advance(status: number): boolean;
  /** The server has ended a COPY with this row count. */
  copied(rows: number): void;
  /** The server is ready for the next query. */
  finish(): void;
  /** The reader gets this error after everything that was received before it. */
  fail(error: unknown): void;
  /** Undefined after `finish`. */
  next(): Promise<Received | undefined>;
  /**
   * Releases everything that the reader does not hold; the reader gets the error at once. Safe to
   * call twice.
   */
  close(error: unknown): void;
  /**
   * Another connection may use the state from now on; received rows can still be read. Safe to call
   * twice.
   */
  leave(): void;
}

const NEWLINE = 0x0a;
/** Finished and not taken: while the reader has one block, one waits and one is being filled. */
const QUEUED_MAX = 2;

export function createCopySink(arena: BlockArena, staging: Staging, kick: () => void): CopySink {
  const { bytes, cutting } = arena;
  let { words } = staging;
  const queue: Received[] = [];
  const closing = new AbortController();
  /** The block being filled, from `start` up to the splitter's `out`. */
  let filling: Block | undefined;
  let start = 0;
  let long: LongRow | undefined;
  /** The long row that the reader has, if any. */
  let handed: LongRow | undefined;
  let reserved: Block | undefined;
  let reserving = false;
  let finished = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: () => void = () => {};
  leaveBlock();

  /** A free block; undefined when there is none now, or the reader is behind. */
  function newBlock(): Block | undefined {
    if (queue.length >= QUEUED_MAX) return undefined;
    const block = reserved ?? arena.blocks.tryTake();
    reserved = undefined;
    if (block === undefined && !reserving) {
      reserving = true;
      arena.blocks.take(closing.signal).then(reserve, () => {});
    }
    return block;
  }
  function reserve(block: Block): void {
    reserving = false;
    if (closing.signal.aborted) {
      block.release();
      return;
    }
    reserved = block;
    kick();
  }

  function leaveBlock(): void {
    filling?.release();
    filling = undefined;
    words[FIELD.out] = 0;
    words[FIELD.outEnd] = 0;
    words[FIELD.rows] = 0;
  }
  /** A new run of rows begins here, in the block being filled. */
  function begin(at: number, rows: number): void {
    start = at;
    words[FIELD.rows] = rows;
    words[FIELD.cutMin] = at + cutting.blockBytesMin;
    words[FIELD.factor] = cutting.factor;
  }
  /** Continues in another block, with the bytes that were not handed out yet. */
  function moveTo(block: Block): void {
    const end = out();
    bytes.copyWithin(block.start, start, end);
    filling?.release();
    filling = block;
    words[FIELD.out] = block.start + end - start;
    words[FIELD.outEnd] = block.start + cutting.blockBytesMax;
    begin(block.start, rows());
  }
  const out = () => words[FIELD.out] ?? 0;
  const rows = () => words[FIELD.rows] ?? 0;
  const view = (from: number, to: number) => bytes.subarray(from, to);

  function handOut(block: Block, end: number): void {
    if (end === start) return;
    block.retain();
    let held = true;
    const release = () => {
      if (held) block.release();
      held = false;
    };
    put({ kind: 'block', block: { kind: 'rows', rows: view(start, end), count: rows(), release } });
  }
  function put(received: Received): void {
    queue.push(received);
    wake();
  }

  /**
   * The block is full: after a whole row, or in a shortened block, or within a row that is too
   * long.
   */
  function full(block: Block): boolean {
    const short = words[FIELD.outEnd] !== start + cutting.blockBytesMax;
    if (short) {
      const next = newBlock();
      if (next !== undefined) moveTo(next);
      return next !== undefined;
    }
    if (rows() > 0) {
      // Search in a view: from an offset past 2 GiB, Node's Buffer searches as if it were 2 GiB.
      const end = start + view(start, out()).lastIndexOf(NEWLINE) + 1;
      handOut(block, end);
      if (end === out()) leaveBlock();
      else begin(end, 0);
      return true;
    }
    long = longRow();
    put({ kind: 'block', block: long.block, long });
    // From now on the splitter stops at the end of the first row.
    words[FIELD.cutMin] = 0;
    words[FIELD.factor] = FACTOR_MAX;
    return advanceLong(long, block);
  }
  /** Hands out the received part of a long row; the bytes after its end begin the next block. */
  function advanceLong(row: LongRow, block: Block): boolean {
    const last = rows() > 0;
    putLong(row, block, last ? start + view(start, out()).indexOf(NEWLINE) + 1 : out(), last);
    return false;
  }
  function putLong(row: LongRow, block: Block, end: number, last: boolean): void {
    block.retain();
    const more = () => {
      // The row has ended meanwhile: the block may belong to another connection.
      if (filling !== block || long !== row) return;
      if (last) {
        long = undefined;
        bytes.copyWithin(start, end, out());
        begin(start, rows() - 1);
      }
      words[FIELD.out] = start + out() - end;
      kick();
    };
    row.put({ chunk: view(start, end), last, release: block.release, more });
  }

  return {
    get blocked() {
      return long?.busy === true;
    },
    advance: (status) => {
      // Rows after an error are ignored, because the session ends.
      if (failure !== undefined) return false;
      if (filling === undefined) {
        const block = newBlock();
        if (block !== undefined) {
          start = 0;
          moveTo(block);
        }
        return block !== undefined;
      }
      if (long !== undefined) return advanceLong(long, filling);
      if (status === SPLIT.full) return full(filling);
      handOut(filling, out());
      leaveBlock();
      return true;
    },
    copied: (counted) => {
      if (long !== undefined && filling !== undefined) {
        // The server should have ended the row with a newline. The bytes are kept all the same.
        putLong(long, filling, out(), true);
        long = undefined;
        leaveBlock();
      } else if (filling !== undefined) {
        handOut(filling, out());
        // The next COPY may continue in this block, so that small relations share one.
        if ((words[FIELD.outEnd] ?? 0) - out() < cutting.blockBytesMin) leaveBlock();
        else begin(out(), 0);
      }
      put({ kind: 'copied', rows: counted });
    },
    finish: () => {
      leaveBlock();
      finished = true;
      wake();
    },
    fail: (error) => {
      failure ??= { error };
      leaveBlock();
      long?.fail(error);
      handed?.fail(error);
      wake();
    },
    next: async () => {
      for (;;) {
        if (handed?.over === false && failure === undefined)
          throw new Error('a long row was not read to its end');
        const received = queue.shift();
        if (received !== undefined) {
          handed = received.kind === 'block' ? received.long : undefined;
          kick();
          return received;
        }
        if (failure !== undefined) throw failure.error;
        if (finished) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    close: (error) => {
      failure ??= { error };
      closing.abort(error);
      leaveBlock();
      long?.fail(error);
      handed?.fail(error);
      reserved?.release();
      reserved = undefined;
      for (const each of queue.splice(0)) {
        if (each.kind !== 'block') continue;
        each.long?.fail(error);
        if (each.block.kind === 'rows') each.block.release();
      }
      wake();
    },
    leave: () => {
      leaveBlock();
      words = new Uint32Array(words.length);
    },
  };
}
