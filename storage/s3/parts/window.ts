/** How many parts of one upload are in flight. */
export interface PartWindow {
  /** A whole number, at least 1. */
  readonly size: number;
  /** Call this when a part has arrived, with the number of attempts it took. */
  arrived(attempts: number): void;
}

const SIZE_AT_START = 2;

/**
 * Adapts the parts in flight to the storage, as TCP does: one more for each round of parts that
 * arrived at the first attempt; half as many when a part had to be sent again (503 Slow Down, a
 * reset, a stall). A source slower than the storage never fills the window, so no bandwidth or
 * distance has to be configured.
 */
export function partWindow(sizeMax: number): PartWindow {
  let size = Math.min(SIZE_AT_START, sizeMax);
  return {
    get size() {
      return Math.floor(size);
    },
    arrived(attempts) {
      size = attempts > 1 ? Math.max(1, size / 2) : Math.min(sizeMax, size + 1 / Math.floor(size));
    },
  };
}
