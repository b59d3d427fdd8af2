import type { monitorEventLoopDelay } from 'node:perf_hooks';

/** The histogram holds the time between two samples, so this much of each value is not a delay. */
const SAMPLE_MS = 20;
/** The start of a process is one long computation, and a short run need not pay for sampling. */
const START_MS = 1_000;

/** Measures how late the event loop runs what is due. */
export interface EventLoopWatch {
  /** 99th percentile in milliseconds; undefined when the run was too short to measure it. */
  delayP99Ms(): number | undefined;
  stop(): void;
}

export function watchEventLoop(): EventLoopWatch {
  let histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  let isOver = false;
  const begin = async () => {
    const hooks = await import('node:perf_hooks');
    if (isOver) return;
    histogram = hooks.monitorEventLoopDelay({ resolution: SAMPLE_MS });
    histogram.enable();
  };
  const starting = setTimeout(() => void begin(), START_MS).unref();
  return {
    delayP99Ms() {
      if (histogram === undefined || histogram.count === 0) return undefined;
      return Math.max(0, Math.round(histogram.percentile(99) / 1e6 - SAMPLE_MS));
    },
    stop() {
      isOver = true;
      clearTimeout(starting);
      histogram?.disable();
    },
  };
}
