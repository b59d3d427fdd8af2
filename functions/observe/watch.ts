import { pause } from '../../async/poll.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { parseKey } from '../../backup-set/base/keys.ts';
import type { Deps } from '../deps.ts';
import { type Observed, type ObserverOptions, observer } from './observer.ts';

export interface WatchOptions extends ObserverOptions {
  /** Called after each look, with all events of the last 7 days. */
  readonly onObserved: (observed: Observed) => void;
}

export interface Watching {
  /** Call for each new key: verdicts and the documents of restores are looked at soon. */
  note(key: string): void;
  /** Call after each sweep. */
  wake(): void;
  stop(): Promise<void>;
}

/** New documents come in groups: one look for all of them. */
const GATHER_MS = 1_000;

/** Observes a root beside the sweeper. Looks never overlap. */
export function startWatching(deps: Deps, { onObserved, ...options }: WatchOptions): Watching {
  const stopping = new AbortController();
  const eye = observer(deps, options);
  const trouble = watchTrouble(deps.clock);
  let woken = Promise.withResolvers<void>();

  async function look(): Promise<void> {
    try {
      onObserved(await eye.look());
      trouble.succeeded();
    } catch (error) {
      if (deps.signal?.aborted || isStowageError(error, 'interrupted')) return;
      if (trouble.failed(error))
        deps.log.error({ err: error }, `cannot observe the sets: ${messageOf(error)}`);
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await woken.promise;
      woken = Promise.withResolvers<void>();
      if (stopping.signal.aborted) return;
      await look();
      await pause(GATHER_MS, stopping.signal);
    }
  }

  const ended = run();
  return {
    note(text) {
      const key = parseKey(text);
      const kind = key?.kind;
      if (key?.kind === 'verdict') eye.note(key.timestamp);
      const ended = key?.kind === 'schedule-run' && key.file === 'end';
      if (ended || kind === 'verdict' || kind === 'outcome' || kind === 'restore-request')
        woken.resolve();
    },
    wake: () => woken.resolve(),
    async stop() {
      stopping.abort();
      woken.resolve();
      await ended;
    },
  };
}
