import { messageOf as textOf } from '../../backup-set/base/errors.ts';
import type { Deps } from '../deps.ts';
import type { Event } from '../observe/events.ts';
import type { Channel } from './channels/channel.ts';
import { channelBegan, isLastTry, readStanding, writeStep } from './ledger.ts';
import { messageOf, type Origin } from './message.ts';

/** How one event fared with one channel in this pass. */
export type AnnounceResult = 'sent' | 'retried' | 'failed';

export interface AnnounceOutcome {
  readonly channel: string;
  readonly event: string;
  readonly result: AnnounceResult;
  /** What the channel answered, or why it failed. */
  readonly answer: string;
}

export interface Announcer {
  /** Sends what is due of these events, in turn. Repeated calls send no more. */
  announce(events: readonly Event[]): Promise<AnnounceOutcome[]>;
  /** Sends an event that no ledger knows, once per channel; the caller may try again. */
  tell(event: Event): Promise<AnnounceOutcome[]>;
  /** Events that a channel has not accepted yet, by what this process has seen. */
  waiting(): number;
}

/** Remembered settled events: a forgotten one costs a LIST. */
const SETTLED_MAX = 50_000;
/** Messages of one pass: a root with a thousand new problems must not flood the receivers. */
const MESSAGES_MAX = 100;
const NO_SIGNAL = new AbortController().signal;

/** What happens after this call is announced, through channels that are new, too. */
export function announcer(deps: Deps, channels: readonly Channel[], origin: Origin): Announcer {
  const startedAt = deps.clock();
  const settled = new Set<string>();
  const due = new Map<string, Date>();
  const began = new Map<string, Date>();
  const signal = deps.signal ?? NO_SIGNAL;

  /** Sends, and writes down how it ended. Undefined: nothing is due, or another server sends. */
  async function attempt(channel: Channel, event: Event): Promise<AnnounceOutcome | undefined> {
    const { name } = channel.settings;
    const id = `${event.id}/${name}`;
    const now = await deps.store.now({ signal });
    if (settled.has(id) || (due.get(id) ?? now) > now) return undefined;
    const standing = await readStanding(deps, event.id, name);
    if (standing.state !== 'open') return settle(id);
    due.set(id, standing.dueAt);
    if (standing.dueAt > now) return undefined;
    const entry = { event: event.id, channel: name };
    if (isLastTry(standing.tries)) return giveUp(id, entry, 'the last try did not end');
    const tries = standing.tries + 1;
    if (!(await writeStep(deps, { ...entry, step: tries }))) return undefined;
    try {
      const answer = await channel.send(messageOf(event, channel.settings, origin), signal);
      settle(id);
      await writeStep(deps, { ...entry, step: 'sent', answer });
      deps.log.debug({ announcement: event.id, channel: name, answer }, 'announced');
      return { ...entry, result: 'sent', answer };
    } catch (error) {
      if (signal.aborted) throw error;
      if (isLastTry(tries)) return giveUp(id, entry, textOf(error));
      due.set(id, now);
      deps.log.warn(
        { announcement: event.id, channel: name, tries },
        `event ${event.id} is not announced yet: ${textOf(error)}`,
      );
      return { ...entry, result: 'retried', answer: textOf(error) };
    }
  }

  function settle(id: string): undefined {
    due.delete(id);
    if (settled.size >= SETTLED_MAX) settled.clear();
    settled.add(id);
  }

  async function giveUp(
    id: string,
    entry: { event: string; channel: string },
    answer: string,
  ): Promise<AnnounceOutcome | undefined> {
    settle(id);
    if (!(await writeStep(deps, { ...entry, step: 'failed', answer }))) return undefined;
    const message = `event ${entry.event} was not announced through channel ${entry.channel}, and is given up: ${answer}`;
    deps.log.error({ announcement: entry.event, channel: entry.channel }, message);
    return { ...entry, result: 'failed', answer };
  }

  async function beganAt(name: string): Promise<Date> {
    const at = began.get(name) ?? (await channelBegan(deps, name, startedAt));
    began.set(name, at);
    return at;
  }

  return {
    async announce(events) {
      const outcomes: AnnounceOutcome[] = [];
      for (const channel of channels) {
        const since = await beganAt(channel.settings.name);
        for (const event of events) {
          if (!channel.events.has(event.name) || event.at < since) continue;
          if (outcomes.length >= MESSAGES_MAX) return outcomes;
          const outcome = await attempt(channel, event);
          if (outcome !== undefined) outcomes.push(outcome);
        }
      }
      return outcomes;
    },
    async tell(event) {
      const outcomes: AnnounceOutcome[] = [];
      for (const channel of channels.filter(({ events }) => events.has(event.name))) {
        const entry = { event: event.id, channel: channel.settings.name };
        try {
          const answer = await channel.send(messageOf(event, channel.settings, origin), signal);
          outcomes.push({ ...entry, result: 'sent', answer });
        } catch (error) {
          if (signal.aborted) throw error;
          outcomes.push({ ...entry, result: 'retried', answer: textOf(error) });
        }
      }
      return outcomes;
    },
    waiting: () => due.size,
  };
}
