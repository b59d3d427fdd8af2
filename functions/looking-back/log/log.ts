import { mapInFlight } from '../../../async/each-in-flight.ts';
import type { Deps } from '../../deps.ts';
import { timestampsIn } from '../manifests.ts';
import type { LogEntry, LogWindow } from './entries.ts';
import { logOfRoot } from './of-root.ts';
import { logOfSet } from './of-set.ts';

export type { LogEntry } from './entries.ts';

/** Sets looked at at once: each has several documents in flight. */
const SETS_IN_FLIGHT = 4;

export interface RootLog {
  /** Oldest first. */
  readonly entries: readonly LogEntry[];
  /** Verdicts that were not read, because their sets have very many. */
  readonly omitted: number;
}

/**
 * What happened under a root, from its documents. What was removed with its set has left no
 * document. Three LISTs per set, and a GET per document in the window.
 */
export async function readLog(deps: Deps, window: LogWindow): Promise<RootLog> {
  const timestamps = window.set === undefined ? await timestampsIn(deps, {}) : [window.set];
  const ofSets = await mapInFlight(timestamps, SETS_IN_FLIGHT, async (timestamp) => {
    deps.signal?.throwIfAborted();
    return logOfSet(deps, timestamp, window);
  });
  const entries = [...ofSets.flatMap((set) => set.entries), ...(await logOfRoot(deps, window))];
  return {
    entries: entries.toSorted((a, b) => compare(a.at, b.at) || compare(a.object, b.object)),
    omitted: ofSets.reduce((sum, { omitted }) => sum + omitted, 0),
  };
}

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
