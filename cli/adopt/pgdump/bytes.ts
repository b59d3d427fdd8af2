import { UnsoundScript } from '../script/unsound.ts';

/** Bytes that are read piece by piece, of a stream of chunks. */
export interface Bytes {
  /** @throws UnsoundScript when there are fewer. */
  take(length: number): Promise<Buffer>;
  /** What is at hand, at most `length`; undefined: the stream has ended. */
  some(length: number): Promise<Buffer | undefined>;
  /** The next bytes, which stay; fewer at the end. */
  peek(length: number): Promise<Buffer>;
  /** All the rest. */
  rest(): AsyncGenerator<Buffer>;
  /** How many were taken. */
  at(): number;
}

export function bytesOf(chunks: AsyncIterable<Buffer>): Bytes {
  const iterator = chunks[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let [at, ended] = [0, false];
  const more = async () => {
    const next = ended ? undefined : await iterator.next();
    if (next === undefined || next.done === true) {
      ended = true;
      return false;
    }
    rest = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
    return true;
  };
  const cut = (length: number) => {
    const taken = rest.subarray(0, length);
    rest = rest.subarray(taken.length);
    at += taken.length;
    return taken;
  };
  const some = async (length: number) => {
    while (rest.length === 0) if (!(await more())) return undefined;
    return cut(length);
  };
  return {
    async take(length) {
      while (rest.length < length) if (!(await more())) throw new UnsoundScript('it is cut off');
      return cut(length);
    },
    some,
    async peek(length) {
      while (rest.length < length) if (!(await more())) break;
      return rest.subarray(0, length);
    },
    async *rest() {
      for (let one = await some(Infinity); one !== undefined; one = await some(Infinity)) yield one;
    },
    at: () => at,
  };
}
