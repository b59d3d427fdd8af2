import type { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often it looks. What the histogram holds is the time between two looks, so that this much is no delay. */
const LOOK_MS = 20;
/** A start is one long computation and says nothing about the work after it; and short runs need not pay for looking. */
const START_MS = 1_000;

/** Watches how late the event loop gets to what is due. */
export interface EventLoopWatch {
  /** 99th percentile in milliseconds; undefined when the run was too short to tell. */
  delayP99Ms(): number | undefined;
  stop(): void;
}

export function watchEventLoop(): EventLoopWatch {
  let histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  let isOver = false;
  const begin = async () => {
    const hooks = await import('node:perf_hooks');
    if (isOver) return;
    histogram = hooks.monitorEventLoopDelay({ resolution: LOOK_MS });
    histogram.enable();
  };
  const starting = setTimeout(() => void begin(), START_MS).unref();
  return {
    delayP99Ms() {
      if (histogram === undefined || histogram.count === 0) return undefined;
      return Math.max(0, Math.round(histogram.percentile(99) / 1e6 - LOOK_MS));
    },
    stop() {
      isOver = true;
      clearTimeout(starting);
      histogram?.disable();
    },
  };
}
