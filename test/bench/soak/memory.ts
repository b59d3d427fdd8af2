/** Loaded with `--import` into the process that is measured: answers messages with its memory. */

/** What the process holds after a full collection. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
}

process.on('message', () => {
  // Twice: the first collection runs finalizers whose objects the second one frees.
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ rss, heapUsed, external } satisfies Memory);
});
// The channel must not keep a process alive that has been asked to end.
process.channel?.unref();
