import { createPool, type Pool } from '../../async/pool.ts';
import { type Cutting, cuttingFor } from './cutting.ts';
import {
  CARRY_BYTES_MAX,
  createSplitter,
  SLACK_BYTES,
  type Splitter,
  STATE_BYTES,
} from './splitter/splitter.ts';

export interface ArenaOptions {
  /** Connections that receive at the same time; another one waits until one of them has ended. */
  readonly connections: number;
  /**
   * Blocks for all connections together. A connection fills one, and needs a second one when a row
   * does not fit: so at least one more than `connections`. The others are for the consumers.
   */
  readonly blocks: number;
  readonly frameBytes: number;
}

/**
 * The memory that rows are received into: one WebAssembly memory per process, of a fixed size, so
 * that
 * views on it stay valid. The system allocates a page at its first write, so unused memory is free.
 */
export interface BlockArena extends Splitter {
  readonly cutting: Cutting;
  readonly bytes: Buffer<ArrayBuffer>;
  readonly blocks: Pool<Block>;
  readonly connections: Pool<Staging>;
}

/** The memory that one connection reads into, and the state of its splitter. */
export interface Staging {
  readonly state: number;
  /** The state as words, by FIELD. */
  readonly words: Uint32Array<ArrayBuffer>;
  /**
   * The start of the read region. Up to CARRY_BYTES_MAX before it are the rest of the last read.
   */
  readonly readStart: number;
  readonly readRegion: Uint8Array<ArrayBuffer>;
}

/** Memory for `blockBytesMax` bytes of rows, with a reference count. */
export interface Block {
  readonly start: number;
  /** Adds a reference; taking a block from the pool counts as the first one. */
  retain(): void;
  /** Removes a reference; with the last one the block returns to the pool. */
  release(): void;
}

/**
 * Large enough that the JavaScript call per read does not matter, and small enough for the
 * second-level
 * cache of most processors: what the kernel has just written is read again at once.
 */
const READ_BYTES = 256 * 1024;
const PAGE_BYTES = 65_536;
const PAGES_MAX = 65_536;
const ALIGNMENT_BYTES = 4096;

/**
 * @throws RangeError when it would be larger than the 4 GiB that WebAssembly can address, or has
 * too few blocks.
 */
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
    ...createSplitter(memory),
    bytes: Buffer.from(memory.buffer),
    blocks: pool,
    connections: createPool(Array.from({ length: connections }, (_, index) => staging(index))),
  };
}

function blockAt(start: number, pool: () => Pool<Block>): Block {
  let references = 1;
  const block: Block = {
    start,
    retain: () => {
      references += 1;
    },
    release: () => {
      references -= 1;
      if (references > 0) return;
      // For the next one that takes it from the pool.
      references = 1;
      pool().give(block);
    },
  };
  return block;
}

const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
