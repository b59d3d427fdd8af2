/** Entries that the browser keeps of one name. */
const KEPT_MAX = 500;

/**
 * Measures an interaction from the event to the end of the next frame: `performance` then has an
 * entry `stowage:NAME`, which test/bench/console/bench.ts reads.
 */
export function measured(name: string, started = performance.now()): void {
  requestAnimationFrame(() => {
    // A message is handled after the frame is painted.
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      if (performance.getEntriesByType('measure').length > KEPT_MAX) performance.clearMeasures();
      performance.measure(`stowage:${name}`, { start: started, end: performance.now() });
      port1.close();
    };
    port2.postMessage(0);
  });
}
