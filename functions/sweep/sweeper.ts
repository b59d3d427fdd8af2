import { pause } from '../../async/poll.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import type { Deps } from '../deps.ts';
import type { SweepOptions, SweepReport } from './report.ts';
import { sweep } from './sweep.ts';

type Closed = NonNullable<SweepOptions['closed']>;

/** Sets and restores remembered as closed; a process that runs for years must not hold all there ever were. */
const CLOSED_MAX = 100_000;
/** After this time all are looked at again: a set that is over may have been found damaged since, by a check that no event told of. */
const CLOSED_MS_MAX = 24 * 3600_000;

/** How a sweep ended. The failure is the error that kept the root from being swept at all. */
export interface SweepAttempt {
  readonly seconds: number;
  readonly result: Result<SweepReport, unknown>;
}

export interface SweeperOptions {
  /** Pause between the end of one sweep and the start of the next. */
  readonly intervalMs: number;
  readonly onSwept: (swept: SweepAttempt) => void;
  /** Takes slices that nobody is at work on, so that one large task does not hold up the sweep of everything else. */
  readonly onSlice?: SweepOptions['onSlice'];
}

export interface Sweeper {
  /** A new object: when it is a verdict, the next sweep looks at its set again, also when that was over. */
  noteVerdict(key: string): void;
  /** Resolves when the sweep that is running has ended; no other is started. */
  stop(): Promise<void>;
}

/** Sweeps at once, then again and again: never two at a time. */
export function startSweeper(deps: Deps, options: SweeperOptions): Sweeper {
  const stopping = new AbortController();
  const closed: Closed = new Map();
  /** Sets of which something was heard since the last sweep began: it may close them on what it has read before. */
  const heard = new Set<string>();
  const forget = () => {
    for (const timestamp of heard) closed.delete(timestamp);
    heard.clear();
  };
  const ended = sweepUntil(deps, options, { closed, forget }, stopping.signal);
  return {
    noteVerdict(text) {
      const key = parseKey(text);
      if (key?.kind === 'verdict') heard.add(key.timestamp);
    },
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function sweepUntil(
  deps: Deps,
  options: SweeperOptions,
  { closed, forget }: { readonly closed: Closed; readonly forget: () => void },
  stopped: AbortSignal,
): Promise<void> {
  const now = () => deps.clock().getTime();
  let since = now();
  // A sweep that is running when we are told to stop goes on until the caller's own signal ends it.
  while (!stopped.aborted && !deps.signal?.aborted) {
    forget();
    options.onSwept(await sweepOnce(deps, closed, options));
    if (closed.size > CLOSED_MAX || now() - since > CLOSED_MS_MAX) {
      closed.clear();
      since = now();
    }
    await pause(options.intervalMs, stopped);
  }
}

async function sweepOnce(
  deps: Deps,
  closed: Closed,
  { onSlice }: SweeperOptions,
): Promise<SweepAttempt> {
  const started = deps.clock().getTime();
  const seconds = () => (deps.clock().getTime() - started) / 1000;
  try {
    const report = await sweep(deps, { closed, ...(onSlice === undefined ? {} : { onSlice }) });
    return { result: success(report), seconds: seconds() };
  } catch (error) {
    deps.log.error({ err: error }, `sweep failed: ${messageOf(error)}`);
    return { result: failure(error), seconds: seconds() };
  }
}
