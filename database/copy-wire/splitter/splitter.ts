import { SPLITTER_WASM_BASE64 } from './splitter-module.ts';

/** The results of a call of the splitter; see splitter.wat. */
export const SPLIT = { more: 0, cut: 1, full: 2, other: 3 } as const;

/**
 * The fields of a connection's state that the caller reads and writes, as indices of 32-bit words;
 * see splitter.wat.
 */
export const FIELD = {
  ...{ at: 0, out: 1, outEnd: 2, cutMin: 3, factor: 4, left: 5, rows: 6 },
  /** For `splitRows`: where the row under way begins. */
  row: 1,
} as const;

export const STATE_BYTES = 64;
/** Loads and stores may reach this far past their end. */
export const SLACK_BYTES = 16;
/**
 * A message is not begun before its first 4,096 bytes are there: so at most this much is kept for
 * the next read.
 */
export const CARRY_BYTES_MAX = 5 + 4096;
/** With this factor every row end is a cut where a cut is allowed: the product exceeds any hash. */
export const FACTOR_MAX = 0xffffffff;

/** Splits from `at` up to `srcEnd`. These and `state` are addresses. @returns one of SPLIT. */
export type Split = (state: number, srcEnd: number) => number;
/** The hash of a row at an address: with its length it decides whether a block ends behind it. */
export type RowHash = (address: number, length: number) => number;

export interface Splitter {
  readonly split: Split;
  /** As `split`, for rows in COPY text that lie in a block, without messages around them. */
  readonly splitRows: Split;
  readonly rowHash: RowHash;
}

let compiled: WebAssembly.Module | undefined;

/** A splitter for this memory. The module is compiled once per process, in about a millisecond. */
export function createSplitter(memory: WebAssembly.Memory): Splitter {
  compiled ??= new WebAssembly.Module(Buffer.from(SPLITTER_WASM_BASE64, 'base64'));
  const { exports } = new WebAssembly.Instance(compiled, { arena: { memory } });
  const hash = exports['hash'] as RowHash;
  return {
    split: exports['split'] as Split,
    splitRows: exports['rows'] as Split,
    rowHash: (address, length) => hash(address, length) >>> 0,
  };
}
