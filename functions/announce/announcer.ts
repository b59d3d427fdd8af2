import { messageOf as textOf } from '../../backup-set/base/errors.ts';
import type { Deps } from '../deps.ts';
import type { Event } from '../observe/events.ts';
import { isOfOneObject, noteUnreadable } from '../stored/unreadable.ts';
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
  /**
   * Sends what is due of these events, of each channel in turn. Channels do not wait for another.
   * Repeated calls send no more.
   */
  announce(events: readonly Event[]): Promise<AnnounceOutcome[]>;
  /**
   * Sends an event that no ledger knows, once per channel; the caller may try again.
   * @param told channels that have accepted it.
   */
  tell(event: Event, told?: ReadonlySet<string>): Promise<AnnounceOutcome[]>;
  /** Events that a channel has not accepted yet, by what this process has seen. */
  waiting(): number;
}

/** Remembered settled events: a forgotten one costs a LIST. */
const SETTLED_MAX = 50_000;
/** Messages of one pass and channel: a thousand new problems must not flood the receivers. */
const MESSAGES_MAX = 100;
/** Failures after which a pass leaves the channel alone: a silent one takes 30 s for each. */
const FAILURES_MAX = 3;
const NO_SIGNAL = new AbortController().signal;

/** What happens after this call is announced, through channels that are new, too. */
export function announcer(deps: Deps, channels: readonly Channel[], origin: Origin): Announcer {
  const startedAt = deps.clock();
  const settled = new Set<string>();
  const due = new Map<string, Date>();
  const began = new Map<string, Date>();
  /** Events of which the store refuses an object of the ledger. */
  const refused = new Set<string>();
  /** What a channel has accepted, and the ledger does not say yet. */
  const accepted = new Map<string, string>();
  const signal = deps.signal ?? NO_SIGNAL;

  /** Sends, and writes down how it ended. Undefined: nothing is due, or another server sends. */
  async function attempt(channel: Channel, event: Event): Promise<AnnounceOutcome | undefined> {
    const { name } = channel.settings;
    const id = `${event.id}/${name}`;
    const entry = { event: event.id, channel: name };
    const answered = accepted.get(id);
    if (answered !== undefined) await writeSent(id, entry, answered);
    if (settled.has(id)) return undefined;
    const now = await deps.store.now({ signal });
    if ((due.get(id) ?? now) > now) return undefined;
    const standing = await readStanding(deps, event.id, name);
    if (standing.state !== 'open') return settle(id);
    due.set(id, standing.dueAt);
    if (standing.dueAt > now) return undefined;
    if (isLastTry(standing.tries)) return giveUp(id, entry, 'the last try did not end');
    const tries = standing.tries + 1;
    if (!(await writeStep(deps, { ...entry, step: tries }))) return undefined;
    let answer: string;
    try {
      answer = await channel.send(messageOf(event, channel.settings, origin), signal);
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
    settle(id);
    await writeSent(id, entry, answer);
    deps.log.debug({ announcement: event.id, channel: name, answer }, 'announced');
    return { ...entry, result: 'sent', answer };
  }

  /** Until the ledger says it, another server would send the message again: tried in each pass. */
  async function writeSent(
    id: string,
    entry: { event: string; channel: string },
    answer: string,
  ): Promise<void> {
    accepted.set(id, answer);
    try {
      await writeStep(deps, { ...entry, step: 'sent', answer });
      accepted.delete(id);
    } catch (error) {
      if (signal.aborted) throw error;
      deps.log.warn(
        { announcement: entry.event, channel: entry.channel },
        `event ${entry.event} was announced, and the ledger does not say so yet: ${textOf(error)}`,
      );
    }
  }

  function settle(id: string): undefined {
    due.delete(id);
    refused.delete(id);
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

  /** What is past is not sent any more, and waits for nothing. */
  function forgetAllBut(events: ReadonlySet<string>): void {
    for (const waits of [due, accepted, refused])
      for (const id of waits.keys())
        if (!events.has(id.slice(0, id.lastIndexOf('/')))) waits.delete(id);
  }

  async function beganAt(name: string): Promise<Date> {
    const known = began.get(name);
    if (known !== undefined) return known;
    // Events have the store's time, and the clock of this host may differ.
    const now = await deps.store.now({ signal });
    const runMs = deps.clock().getTime() - startedAt.getTime();
    const at = await channelBegan(deps, name, new Date(now.getTime() - runMs));
    began.set(name, at);
    return at;
  }

  /** What is due of one channel. */
  async function announceTo(
    channel: Channel,
    events: readonly Event[],
  ): Promise<AnnounceOutcome[]> {
    const outcomes: AnnounceOutcome[] = [];
    let failures = 0;
    const since = await beganAt(channel.settings.name);
    const left: AnnounceOutcome[] = [];
    for (const event of events) {
      if (!channel.events.has(event.name) || event.at < since) continue;
      const outcome = await attempt(channel, event).catch((error: unknown) => {
        left.push(refusedBy(error, channel, event));
        return undefined;
      });
      if (outcome === undefined) continue;
      outcomes.push(outcome);
      failures = outcome.result === 'sent' ? 0 : failures + 1;
      if (outcomes.length >= MESSAGES_MAX || failures >= FAILURES_MAX) break;
    }
    return [...outcomes, ...left];
  }

  /** An event whose ledger the store refuses waits, and the others of its channel do not. */
  function refusedBy(error: unknown, { settings }: Channel, { id: event }: Event): AnnounceOutcome {
    if (!isOfOneObject(error)) throw error;
    const id = `${event}/${settings.name}`;
    if (!refused.has(id))
      noteUnreadable(deps, error, `event ${event} is not announced through ${settings.name} yet`);
    refused.add(id);
    return { channel: settings.name, event, result: 'retried', answer: error.message };
  }

  async function tellThrough(channel: Channel, event: Event): Promise<AnnounceOutcome> {
    const entry = { event: event.id, channel: channel.settings.name };
    try {
      const answer = await channel.send(messageOf(event, channel.settings, origin), signal);
      return { ...entry, result: 'sent', answer };
    } catch (error) {
      if (signal.aborted) throw error;
      return { ...entry, result: 'retried', answer: textOf(error) };
    }
  }

  return {
    async announce(events) {
      forgetAllBut(new Set(events.map(({ id }) => id)));
      const passes = channels.map((channel) => announceTo(channel, events));
      const ended = await Promise.allSettled(passes);
      const failed = ended.find((one) => one.status === 'rejected');
      if (failed !== undefined) throw failed.reason;
      return ended.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    },
    tell(event, told) {
      const wanted = channels.filter(
        ({ events, settings }) => events.has(event.name) && told?.has(settings.name) !== true,
      );
      return Promise.all(wanted.map((channel) => tellThrough(channel, event)));
    },
    waiting: () => due.size + accepted.size + [...refused].filter((id) => !due.has(id)).length,
  };
}
