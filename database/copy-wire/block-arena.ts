import { createPool, type Pool } from '../../async/pool.ts';
import { type Cutting, cuttingFor } from './cutting.ts';
import {
  CARRY_BYTES_MAX,
  createSplitter,
  SLACK_BYTES,
  type Split,
  STATE_BYTES,
} from './splitter/splitter.ts';

export interface ArenaOptions {
  /** Connections that receive at the same time; one more waits until one of them has ended. */
  readonly connections: number;
  /**
   * Blocks that all connections together may have: each fills one and, when a row does not fit, needs the next one before it can let go;
   * so one more than `connections` at least. The others are what consumers may hold.
   */
  readonly blocks: number;
  readonly frameBytes: number;
}

/**
 * The memory that rows are received into: one WebAssembly memory per process, of a fixed size, so that views on it stay
 * valid. The system gives it pages when they are first written to: what is never used costs nothing.
 */
export interface BlockArena {
  readonly cutting: Cutting;
  readonly split: Split;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly blocks: Pool<Block>;
  readonly connections: Pool<Staging>;
}

/** What one connection reads into, and its splitter's state. */
export interface Staging {
  readonly state: number;
  /** The state as words, by FIELD. */
  readonly words: Uint32Array<ArrayBuffer>;
  /** Where what a socket reads begins; up to CARRY_BYTES_MAX before it lies what the last read left over. */
  readonly readStart: number;
  readonly readRegion: Uint8Array<ArrayBuffer>;
}

/** Room for `blockBytesMax` bytes of rows; given back when nobody needs it any more. */
export interface Block {
  readonly start: number;
  /** Says that one more needs it; whoever took it from the pool does so already. */
  retain(): void;
  release(): void;
}

/**
 * Large enough that a call into JavaScript per read does not count, small enough for the second-level cache of most
 * processors: what the kernel has just written there is read again at once.
 */
const READ_BYTES = 256 * 1024;
const PAGE_BYTES = 65_536;
const PAGES_MAX = 65_536;
const ALIGNMENT_BYTES = 4096;

/** @throws RangeError when it would be larger than the 4 GiB that WebAssembly can address, or has too few blocks. */
export function blockArena({ connections, blocks, frameBytes }: ArenaOptions): BlockArena {
  if (blocks <= connections)
    throw new RangeError(`${connections} connections need more than ${blocks} blocks`);
  const cutting = cuttingFor(frameBytes);
  const carryBytes = aligned(CARRY_BYTES_MAX);
  const stagingBytes = aligned(carryBytes + READ_BYTES + SLACK_BYTES);
  const blockBytes = aligned(cutting.blockBytesMax + SLACK_BYTES);
  const stagingStart = aligned(connections * STATE_BYTES);
  const blocksStart = stagingStart + connections * stagingBytes;
  const pages = Math.ceil((blocksStart + blocks * blockBytes) / PAGE_BYTES);
  if (pages > PAGES_MAX)
    throw new RangeError(`${blocks} blocks of ${cutting.blockBytesMax} bytes are more than 4 GiB`);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });

  const staging = (index: number): Staging => {
    const state = index * STATE_BYTES;
    const readStart = stagingStart + index * stagingBytes + carryBytes;
    return {
      state,
      words: new Uint32Array(memory.buffer, state, STATE_BYTES / 4),
      readStart,
      readRegion: new Uint8Array(memory.buffer, readStart, READ_BYTES),
    };
  };
  const pool: Pool<Block> = createPool(
    Array.from({ length: blocks }, (_, index) =>
      blockAt(blocksStart + index * blockBytes, () => pool),
    ),
  );
  return {
    cutting,
    split: createSplitter(memory),
    bytes: Buffer.from(memory.buffer),
    blocks: pool,
    connections: createPool(Array.from({ length: connections }, (_, index) => staging(index))),
  };
}

function blockAt(start: number, pool: () => Pool<Block>): Block {
  let needs = 1;
  const block: Block = {
    start,
    retain: () => {
      needs += 1;
    },
    release: () => {
      needs -= 1;
      if (needs > 0) return;
      // As the next taker finds it.
      needs = 1;
      pool().give(block);
    },
  };
  return block;
}

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
