import { throwIfInterrupted } from '../../../async/abort.ts';

/**
 * Part buffers that go round: taken to be filled, given back when the part has arrived. Waiting for
 * one is what holds back the source. Allocated one by one when first needed, and uninitialised: every byte that is
 * sent was written before.
 */
export interface PartBuffers {
  /** Waits for a buffer of at least `bytes` bytes. */
  take(bytes: number): Promise<Buffer>;
  giveBack(buffer: Buffer): void;
  /** What was not given back is never used again: a request that failed may still be reading it. */
  close(): void;
}

/** What all uploads of a store have in common: buffers beside those that each has to itself. */
export interface SpareBuffers {
  /** How many more may be taken now. */
  left: number;
  /** Not in use, to be filled again: fresh memory costs a page fault every 4 KiB. */
  readonly idle: Buffer[];
}

/** With these alone an upload fills one part while it sends another. */
export const OWN_BUFFERS = 2;

/**
 * The buffers of one upload: two of its own, so that uploads never wait for each other, and as many of the spare ones as are free, so
 * that one that is alone, or whose storage is far away, can have more parts in flight.
 */
export function partBuffers(spare: SpareBuffers, signal: AbortSignal, doing: string): PartBuffers {
  const waiting: (() => void)[] = [];
  let own = 0;
  let extra = 0;
  const wakeAll = () => {
    for (const wake of waiting.splice(0)) wake();
  };
  signal.addEventListener('abort', wakeAll, { once: true });
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
      // Parts have grown: the smaller buffer is dropped.
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
    close() {
      spare.left += extra;
      extra = 0;
    },
  };
}
