import { onAbort, throwIfInterrupted } from '../../../async/abort.ts';

/**
 * Part buffers that are reused: taken to be filled, given back when the part has arrived. Waiting
 * for a buffer is what slows the source down. Each is allocated at first use and not initialised:
 * every byte that is sent was written before.
 */
export interface PartBuffers extends Disposable {
  /** Waits for a buffer of at least `bytes` bytes. */
  take(bytes: number): Promise<Buffer>;
  giveBack(buffer: Buffer): void;
}

/** Buffers that all uploads of a store share, beside those that each upload has of its own. */
export interface SpareBuffers {
  /** How many more may be taken now. */
  left: number;
  /** Free, to be filled again: fresh memory costs a page fault every 4 KiB. */
  readonly idle: Buffer[];
}

/** With these alone an upload fills one part while it sends another. */
export const OWN_BUFFERS = 2;

/**
 * The buffers of one upload: two of its own, so that uploads never wait for each other, and as many
 * of the spare ones as are free, so that a single upload, or one to distant storage, can have more
 * parts in flight. After disposal a buffer that was not given back is never reused: a request that
 * failed may still be reading it.
 */
export function partBuffers(spare: SpareBuffers, signal: AbortSignal, doing: string): PartBuffers {
  const waiting: (() => void)[] = [];
  let own = 0;
  let extra = 0;
  const aborted = onAbort(signal, () => {
    for (const wake of waiting.splice(0)) wake();
  });
  return {
    async take(bytes) {
      while (own === OWN_BUFFERS && spare.left === 0 && !signal.aborted)
        await new Promise<void>((resolve) => waiting.push(resolve));
      throwIfInterrupted(signal, doing);
      if (own < OWN_BUFFERS) {
        own += 1;
      } else {
        extra += 1;
        spare.left -= 1;
      }
      // Parts have grown since: a buffer that is too small is dropped.
      const buffer = spare.idle.pop();
      return buffer !== undefined && buffer.length >= bytes
        ? buffer
        : Buffer.allocUnsafeSlow(bytes);
    },
    giveBack(buffer) {
      if (extra > 0) {
        extra -= 1;
        spare.left += 1;
      } else {
        own -= 1;
      }
      spare.idle.push(buffer);
      waiting.shift()?.();
    },
    [Symbol.dispose]() {
      aborted[Symbol.dispose]();
      spare.left += extra;
      extra = 0;
    },
  };
}
