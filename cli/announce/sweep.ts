import { plural } from '../../backup-set/base/words.ts';
import { type AnnounceOutcome, announcer } from '../../functions/announce/announcer.ts';
import type { Deps } from '../../functions/deps.ts';
import { observer } from '../../functions/observe/observer.ts';
import type { ClusterContext } from '../context.ts';
import { watchedSchedule } from '../schedule/overdue.ts';
import { announceOptions } from './channels.ts';

/** Announces what a single sweep, or the programs before it, have found. */
export interface SweepAnnouncements {
  /** Call after the sweep. */
  announce(): Promise<readonly AnnounceOutcome[]>;
}

/** Undefined without channels. Call before the sweep: what happens from then on is announced. */
export async function sweepAnnouncements(
  context: ClusterContext,
  deps: Deps,
): Promise<SweepAnnouncements | undefined> {
  const options = await announceOptions(context);
  if (options === undefined) return undefined;
  const { channels, cluster, overdueAfterMs } = options;
  const sender = announcer(deps, channels, { cluster, root: deps.store.url });
  return {
    async announce() {
      const schedule = watchedSchedule(context.config, deps.store.url);
      const { events } = await observer(deps, { overdueAfterMs, schedule }).look();
      return sender.announce(events);
    },
  };
}

/** Lines for the end of `stowage sweep`. */
export function announcementLines(outcomes: readonly AnnounceOutcome[]): string[] {
  const sent = outcomes.filter(({ result }) => result === 'sent');
  return [
    ...(sent.length > 0 ? [`announced ${plural(sent.length, 'event')}`] : []),
    ...outcomes
      .filter(({ result }) => result !== 'sent')
      .map(({ event, channel, answer, result }) => {
        const then = result === 'failed' ? 'given up' : 'tried again by the next sweep';
        return `event ${event} was not announced through ${channel} (${then}): ${answer}`;
      }),
  ];
}
