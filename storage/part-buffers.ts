import { throwIfInterrupted } from './interruption.ts';

/**
 * A fixed number of part buffers that go round: taken to be filled, given back when the part has arrived. Waiting for
 * one is what holds back the source. Allocated one by one when first needed, and uninitialised: every byte that is
 * sent was written before.
 */
export interface PartBuffers {
  /** Waits for a buffer of at least `bytes` bytes. */
  take(bytes: number): Promise<Buffer>;
  giveBack(buffer: Buffer): void;
}

export function partBuffers(countMax: number, signal: AbortSignal, doing: string): PartBuffers {
  const idle: Buffer[] = [];
  const waiting: (() => void)[] = [];
  let taken = 0;
  const wakeAll = () => {
    for (const wake of waiting.splice(0)) wake();
  };
  signal.addEventListener('abort', wakeAll, { once: true });
  return {
    async take(bytes) {
      while (taken >= countMax && !signal.aborted)
        await new Promise<void>((resolve) => waiting.push(resolve));
      throwIfInterrupted(signal, doing);
      taken += 1;
      // Parts have grown: the smaller buffer is dropped, so that never more than `countMax` are held.
      const buffer = idle.pop();
      return buffer !== undefined && buffer.length >= bytes ? buffer : Buffer.allocUnsafeSlow(bytes);
    },
    giveBack(buffer) {
      taken -= 1;
      idle.push(buffer);
      waiting.shift()?.();
    },
  };
}
