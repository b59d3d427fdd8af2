import { hostname } from 'node:os';
import { pause } from '../../async/poll.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { HEARTBEAT_MS } from '../../backup-set/base/keys/schedule-keys.ts';
import { heartbeatObject } from '../../backup-set/documents/schedule/heartbeat.ts';
import type { Deps } from '../deps.ts';

/** Several looks in each slot: one that fails is made good. */
const LOOK_MS = HEARTBEAT_MS / 5;

/**
 * Writes that a runner on this host lives, once in each slot while `work` goes on: a run can take
 * hours. Several runners of a host are one.
 */
export async function whileHeard<Result>(deps: Deps, work: () => Promise<Result>): Promise<Result> {
  const over = new AbortController();
  const signal = deps.signal ? AbortSignal.any([deps.signal, over.signal]) : over.signal;
  const beat = heartbeats(deps);
  // The first before the work: a runner that finds nothing to do ends at once.
  await beat(deps.signal);
  const beating = beatUntil(beat, signal);
  try {
    return await work();
  } finally {
    over.abort();
    await beating;
  }
}

/** A runner that may not write it still runs: `stowage status` then says that none is heard. */
function heartbeats(deps: Deps): (signal: AbortSignal | undefined) => Promise<void> {
  const watch = watchTrouble(deps.clock);
  let last: string | undefined;
  return async (signal) => {
    try {
      const times = { store: await deps.store.now({ signal }), host: deps.clock() };
      const { key, bytes } = heartbeatObject({ role: 'runner', name: hostname() }, times);
      if (key !== last) await deps.store.create(key, bytes, { signal });
      last = key;
      watch.succeeded();
    } catch (error) {
      if (signal?.aborted || isStowageError(error, 'storage/exists')) return;
      if (watch.failed(error))
        deps.log.warn({ err: error }, `cannot write that this runner lives: ${messageOf(error)}`);
    }
  };
}

async function beatUntil(
  beat: (signal: AbortSignal) => Promise<void>,
  over: AbortSignal,
): Promise<void> {
  for (;;) {
    await pause(LOOK_MS, over);
    if (over.aborted) return;
    await beat(over);
  }
}
