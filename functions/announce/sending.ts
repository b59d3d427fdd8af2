import type { Trouble } from '../../async/watch/trouble.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import type { Deps } from '../deps.ts';
import { timeText } from '../observe/amounts.ts';
import type { Event } from '../observe/events.ts';
import type { AnnounceOutcome, Announcer } from './announcer.ts';

export interface SendingOptions {
  readonly announcer: Announcer;
  readonly storeTrouble: () => Trouble | undefined;
  readonly onOutcome: (outcome: AnnounceOutcome) => void;
  /** Called for each event of the store's trouble, whether a channel wants it or not. */
  readonly onEvent: (event: Event) => void;
}

export interface Sending {
  /** All events that may have to be sent. Returns at once. */
  offer(events: readonly Event[]): void;
  stop(): Promise<void>;
}

/** A store that is away for a moment is not worth a message. */
const TROUBLE_MS_MIN = 60_000;
/** Passes in which a channel is told again of a store that fails: there is no ledger to ask. */
const TELL_TRIES = 3;
/** Shorter than the shortest pause of the ledger. */
const AGAIN_MS = 30_000;

/**
 * Announces beside everything else: a mail server that is slow delays no sweep. Passes never
 * overlap; an offer during a pass starts another one.
 */
export function startSending(deps: Deps, options: SendingOptions): Sending {
  const { announcer, onOutcome } = options;
  const trouble = watchTrouble(deps.clock);
  const tellTrouble = troubleTeller(deps, options);
  let offered: readonly Event[] | undefined;
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  let stopped = false;
  let last: readonly Event[] = [];
  let again: NodeJS.Timeout | undefined;

  async function pass(events: readonly Event[]): Promise<void> {
    try {
      await tellTrouble();
      for (const outcome of await announcer.announce(events)) onOutcome(outcome);
      trouble.succeeded();
    } catch (error) {
      if (deps.signal?.aborted || isStowageError(error, 'interrupted')) return;
      if (trouble.failed(error))
        deps.log.error({ err: error }, `cannot announce: ${messageOf(error)}`);
    }
  }

  async function run(): Promise<void> {
    while (offered !== undefined && !stopped) {
      const events = offered;
      offered = undefined;
      await pass(events);
    }
    busy = false;
    // Without a sweep for long, a message that waits is still sent when it is due.
    if (!stopped && announcer.waiting() > 0)
      again = setTimeout(() => offer(last), AGAIN_MS).unref();
  }

  function offer(events: readonly Event[]): void {
    clearTimeout(again);
    offered = last = events;
    if (busy || stopped) return;
    busy = true;
    running = run();
  }

  return {
    offer,
    async stop() {
      stopped = true;
      clearTimeout(again);
      await running;
    },
  };
}

/** Tells that the store fails, and that it is back: each server for itself. */
function troubleTeller(
  { clock }: Deps,
  { announcer, storeTrouble, onOutcome, onEvent }: SendingOptions,
): () => Promise<void> {
  let told: { readonly since: Date; left: number; readonly by: Set<string> } | undefined;

  /** @param by the channels that have accepted it: they are not told twice. */
  async function tell(event: Event, by = new Set<string>()): Promise<boolean> {
    const outcomes = await announcer.tell(event, by);
    outcomes.forEach(onOutcome);
    for (const { channel, result } of outcomes) if (result === 'sent') by.add(channel);
    return outcomes.every(({ result }) => result === 'sent');
  }

  return async () => {
    const now = storeTrouble();
    if (now === undefined) {
      const before = told;
      told = undefined;
      if (before === undefined) return;
      const event = backEvent(before.since, clock());
      onEvent(event);
      await tell(event);
      return;
    }
    const { since } = now;
    if (clock().getTime() - since.getTime() < TROUBLE_MS_MIN) return;
    const isNew = told?.since.getTime() !== since.getTime();
    if (isNew) told = { since, left: TELL_TRIES, by: new Set() };
    if (told === undefined || told.left === 0) return;
    const event = failingEvent(now);
    if (isNew) onEvent(event);
    told.left = (await tell(event, told.by)) ? 0 : told.left - 1;
  };
}

function failingEvent({ code, since }: Trouble): Event {
  return {
    ...ofStore('storage-failing', since),
    title: `the store refuses this server or does not answer since ${since.toISOString()} (${code})`,
    next: 'stowage doctor',
  };
}

function backEvent(since: Date, at: Date): Event {
  const ms = at.getTime() - since.getTime();
  return {
    ...ofStore('storage-back', at),
    title: `the store works again, after ${timeText(ms)}`,
  };
}

function ofStore(name: 'storage-failing' | 'storage-back', at: Date) {
  const id = `${instantOf(at)}-${name}`;
  return { id, name, at, problems: [], problemsTotal: 0, stored: false } as const;
}
