import type { Block, BlockArena, Staging } from './block-arena.ts';
import { type LongRow, longRow } from './long-row.ts';
import type { RowBlock } from './row-block.ts';
import { FACTOR_MAX, FIELD, SPLIT } from './splitter/splitter.ts';

/** What the reader of a sink gets, in the order of the wire. */
export type Received =
  | { readonly kind: 'block'; readonly block: RowBlock; readonly long?: LongRow }
  /** A COPY has ended; the server counted so many rows. */
  | { readonly kind: 'copied'; readonly rows: number };

/**
 * Takes the rows of one query, of one COPY or of several, from the wire into blocks, and hands them to one reader. The
 * wire's side is synchronous; where it returns false it has to wait, and `kick` tells when it is worth another attempt.
 */
export interface CopySink {
  /** Memory that the splitter would write to is being read. */
  readonly blocked: boolean;
  /** The splitter has stopped at a cut, or for want of room. False: it cannot go on yet. */
  advance(status: number): boolean;
  /** The server has ended a COPY, and said how many rows it sent. */
  copied(rows: number): void;
  /** The server is ready for the next query. */
  finish(): void;
  /** The reader gets this error after what has been received before. */
  fail(error: unknown): void;
  /** Undefined after `finish`. */
  next(): Promise<Received | undefined>;
  /** Gives back all that no reader holds; a reader gets the error at once. Safe to call twice. */
  close(error: unknown): void;
  /** The connection's state is another's from now on; what has been received can still be read. Safe to call twice. */
  leave(): void;
}

const NEWLINE = 0x0a;
/** So much may be finished and not taken: while the reader is busy with one block, one waits and one is filled. */
const QUEUED_MAX = 2;

export function createCopySink(arena: BlockArena, staging: Staging, kick: () => void): CopySink {
  const { bytes, cutting } = arena;
  let { words } = staging;
  const queue: Received[] = [];
  const closing = new AbortController();
  /** What is being filled, from `start` up to the splitter's `out`. */
  let filling: Block | undefined;
  let start = 0;
  let long: LongRow | undefined;
  /** The long row that the reader has, if it has one. */
  let handed: LongRow | undefined;
  let reserved: Block | undefined;
  let reserving = false;
  let finished = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: () => void = () => {};
  leaveBlock();

  /** A block, when there is one now and the reader is not behind. */
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
  /** From here on, in the block that is being filled, something of its own begins. */
  function begin(at: number, rows: number): void {
    start = at;
    words[FIELD.rows] = rows;
    words[FIELD.cutMin] = at + cutting.blockBytesMin;
    words[FIELD.factor] = cutting.factor;
  }
  /** Into another block, with what has been filled and not handed out. */
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

  /** For want of room: a row may have ended, or the block is short, or a row is too long. */
  function full(block: Block): boolean {
    const short = words[FIELD.outEnd] !== start + cutting.blockBytesMax;
    if (short) {
      const next = newBlock();
      if (next !== undefined) moveTo(next);
      return next !== undefined;
    }
    if (rows() > 0) {
      // Within a view: from a place past 2 GiB, Node's Buffer searches as if it were at 2 GiB.
      const end = start + view(start, out()).lastIndexOf(NEWLINE) + 1;
      handOut(block, end);
      if (end === out()) leaveBlock();
      else begin(end, 0);
      return true;
    }
    long = longRow();
    put({ kind: 'block', block: long.block, long });
    // From now on the first row that ends is where to stop.
    words[FIELD.cutMin] = 0;
    words[FIELD.factor] = FACTOR_MAX;
    return advanceLong(long, block);
  }
  /** Hands out what there is of a long row; what lies behind its end is the beginning of a block. */
  function advanceLong(row: LongRow, block: Block): boolean {
    const last = rows() > 0;
    putLong(row, block, last ? start + view(start, out()).indexOf(NEWLINE) + 1 : out(), last);
    return false;
  }
  function putLong(row: LongRow, block: Block, end: number, last: boolean): void {
    block.retain();
    const more = () => {
      // Ended meanwhile: the block may be somebody else's.
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
      // What comes after an error is nobody's; the session ends.
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
        // A server ends a row by a newline. Whatever this is, it is not lost.
        putLong(long, filling, out(), true);
        long = undefined;
        leaveBlock();
      } else if (filling !== undefined) {
        handOut(filling, out());
        // The next COPY may go on in the same block, so that small ones need none of their own.
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
