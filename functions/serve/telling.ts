import type { Trouble } from '../../async/watch/trouble.ts';
import { messageOf } from '../../backup-set/base/errors.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ExpirySummary } from '../../backup-set/documents/retention/expiry-summary.ts';
import { announcer } from '../announce/announcer.ts';
import type { Channel } from '../announce/channels/channel.ts';
import { startSending } from '../announce/sending.ts';
import type { Deps } from '../deps.ts';
import { type Event, PROBLEMS_IN_EVENT } from '../observe/events.ts';
import { expiryDone } from '../observe/expiry-event.ts';
import type { WatchedSchedule } from '../observe/schedule-runs.ts';
import { startWatching } from '../observe/watch.ts';
import type { RootExpiry } from '../retention/expire-root.ts';
import { expiryProblems } from '../retention/steps-apart.ts';
import type { SweepAttempt } from '../sweep/sweeper.ts';
import { journal } from './journal.ts';
import type { ServeMetrics } from './metrics.ts';
import { saysOnce } from './says-once.ts';

export interface AnnounceOptions {
  readonly channels: readonly Channel[];
  /** `cluster` of the configuration. */
  readonly cluster: string;
  readonly overdueAfterMs?: number | undefined;
}

export interface TellingOptions {
  readonly metrics: ServeMetrics;
  readonly announce: AnnounceOptions | undefined;
  /** The schedule, whose runs are told of. */
  readonly schedule: WatchedSchedule | undefined;
  readonly storeTrouble: () => Trouble | undefined;
  /** Counts a run of expiry that another program has made: one of the schedule. */
  readonly onExpiry?: ((summary: ExpirySummary) => void) | undefined;
}

/** Tells people and programs what happens: lines of the log, metrics, announcements. */
export interface Telling {
  /** Call for every new key. */
  note(key: string): void;
  /** @param logged whether the journal tells what the sweep found. */
  swept(attempt: SweepAttempt, logged: boolean): void;
  expired(ended: RootExpiry | { readonly failed: unknown }): void;
  stop(): Promise<void>;
}

/** Failures of expiry that are still to be announced; each slot has one. */
const OWN_EVENTS_MAX = 100;

export function startTelling(
  deps: Deps,
  { metrics, announce, schedule, storeTrouble, onExpiry }: TellingOptions,
): Telling {
  let startedAt = deps.clock();
  let isStoreTime = false;
  const lines = journal(deps.log, deps.clock, () => startedAt);
  let counted = new Set<string>();
  let own: Event[] = [];
  let seen: readonly Event[] = [];

  const { channels = [], cluster = '' } = announce ?? {};
  const sender = announcer(deps, channels, { cluster, root: deps.store.url });
  const names = channels.map(({ settings }) => settings.name);
  const sending = startSending(deps, {
    announcer: sender,
    storeTrouble,
    onOutcome:
      names.length > 0 ? metrics.watchAnnouncements(names, sender.waiting) : () => undefined,
    onEvent: (event) => lines.events([event]),
  });

  const offer = () => sending.offer([...seen, ...own]);
  const watching = startWatching(
    { ...deps, log: saysOnce(deps.log) },
    {
      overdueAfterMs: announce?.overdueAfterMs,
      schedule,
      onObserved(observed) {
        // Events have the time of the store.
        if (!isStoreTime)
          startedAt = new Date(
            startedAt.getTime() + observed.now.getTime() - deps.clock().getTime(),
          );
        isStoreTime = true;
        seen = observed.events;
        metrics.observed.set(observed);
        const fresh = seen.filter(({ id, at }) => at >= startedAt && !counted.has(id));
        counted = new Set(seen.map(({ id }) => id));
        metrics.observed.count(fresh);
        for (const { expiry } of fresh) if (expiry !== undefined) onExpiry?.(expiry);
        lines.events(seen);
        offer();
      },
    },
  );

  return {
    note: watching.note,
    swept(attempt, logged) {
      if (logged) lines.sweep(attempt);
      // A store that fails is told of by what the last look has found, and by its trouble.
      if (attempt.result.ok) watching.wake();
      else offer();
    },
    expired(ended) {
      const events = expiryEvents(ended, deps.clock());
      if (events.length === 0) return;
      own = [...own, ...events].slice(-OWN_EVENTS_MAX);
      lines.events(events);
      offer();
    },
    async stop() {
      await Promise.all([watching.stop(), sending.stop()]);
    },
  };
}

/** None when a run changed nothing, and left no set as it is. */
function expiryEvents(
  ended: RootExpiry | { readonly failed: unknown },
  at: Date,
): readonly Event[] {
  const failed = (title: string, problems: readonly string[]): Event => ({
    // One a hour: a store that refuses a deletion refuses it again a minute later.
    id: `${instantOf(at).slice(0, 10)}0000000-expiry-failed`,
    name: 'expiry-failed',
    title,
    problems: problems.slice(0, PROBLEMS_IN_EVENT),
    problemsTotal: problems.length,
    ...{ at, next: 'stowage expire', stored: true },
  });
  if ('failed' in ended) return [failed(`expiry failed: ${messageOf(ended.failed)}`, [])];
  const done = expiryDone(ended.summary, { id: `${instantOf(at)}-expiry-done`, at });
  const left = expiryProblems(ended, ended.leftovers);
  const title = `expiry went on without what it could not read or remove: ${plural(left.length, 'problem')}`;
  return [
    ...(done === undefined ? [] : [done]),
    ...(left.length === 0 ? [] : [failed(title, left)]),
  ];
}
