import { SPLITTER_WASM_BASE64 } from './splitter-module.ts';

/** What a call of the splitter ends with; splitter.wat says what each means. */
export const SPLIT = { more: 0, cut: 1, full: 2, other: 3 } as const;

/** The fields of a connection's state that the caller reads and writes, as indices of 32-bit words; see splitter.wat. */
export const FIELD = { at: 0, out: 1, outEnd: 2, cutMin: 3, factor: 4, left: 5, rows: 6 } as const;

export const STATE_BYTES = 64;
/** Loads and stores may reach this far behind what they are about. */
export const SLACK_BYTES = 16;
/** A message whose first 4,096 bytes are not there yet is not begun: so much is carried over to the next read, at most. */
export const CARRY_BYTES_MAX = 5 + 4096;
/** A factor by which every row that ends where a cut is allowed is a cut: the product with any length is above any hash. */
export const FACTOR_MAX = 0xffffffff;

/** Splits from `at` up to `srcEnd`; both and `state` are addresses. @returns one of SPLIT. */
export type Split = (state: number, srcEnd: number) => number;

let compiled: WebAssembly.Module | undefined;

/** A splitter that works in this memory. Compiled once per process, when the first one is asked for: about a millisecond. */
export function createSplitter(memory: WebAssembly.Memory): Split {
  compiled ??= new WebAssembly.Module(Buffer.from(SPLITTER_WASM_BASE64, 'base64'));
  return new WebAssembly.Instance(compiled, { arena: { memory } }).exports['split'] as Split;
}
