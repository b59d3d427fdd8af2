import { pause } from '../../async/poll.ts';
import type { Lease } from '../../backup-set/documents/schedule/schedule.ts';
import type { Deps } from '../deps.ts';
import { type LeaseTerms, slotOf, takeSlot } from './lease.ts';

/** A lease that this process holds, and renews until it is released. */
export interface HeldLease {
  /** Fires before the lease ends, when it could not be renewed. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export type Acquired =
  | { readonly ok: true; readonly held: HeldLease }
  | {
      readonly ok: false;
      readonly other: Pick<Lease, 'holder' | 'until'>;
      readonly leftMs: number;
    };

/** The next slot is taken when so much of the present one has passed. */
const RENEW_AFTER = 0.6;
/** The rest of a slot in which the work must have ended, when there is no next one. */
const ENDING_SHARE = 1 / 6;
const RETRIES_PER_SLOT = 30;

/** A clock that no person can set, in milliseconds; tests give another one. */
export interface LeaseClock {
  readonly now: () => number;
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
}

const REAL: LeaseClock = { now: () => performance.now(), pause };

/**
 * Takes the present slot of the store's clock, and each next one, until it is released. Between two
 * slots it measures with the clock of this process.
 */
export async function acquireLease(
  deps: Deps,
  terms: LeaseTerms,
  clock: LeaseClock = REAL,
): Promise<Acquired> {
  const askedAt = clock.now();
  const now = (await deps.store.now({ signal: deps.signal })).getTime();
  const slot = slotOf(now, terms.slotMs);
  const ends = askedAt + (slot + terms.slotMs - now);
  const other = await takeSlot(deps, terms, slot);
  const leftMs = () => Math.max(0, ends - clock.now());
  if (other !== undefined) return { ok: false, other, leftMs: leftMs() };
  let first = { slot, endsAt: ends };
  if (leftMs() < terms.slotMs * ENDING_SHARE) {
    // So little is left that work could not be ended in time.
    const next = await takeSlot(deps, terms, slot + terms.slotMs);
    if (next !== undefined) return { ok: false, other: next, leftMs: leftMs() + terms.slotMs };
    first = { slot: slot + terms.slotMs, endsAt: ends + terms.slotMs };
  }
  const lost = new AbortController();
  const released = new AbortController();
  const renewing = renew(deps, terms, first, { lost, released, clock });
  return {
    ok: true,
    held: {
      lost: lost.signal,
      async release() {
        released.abort();
        await renewing;
      },
    },
  };
}

interface Renewal {
  readonly lost: AbortController;
  readonly released: AbortController;
  readonly clock: LeaseClock;
}

async function renew(
  deps: Deps,
  terms: LeaseTerms,
  first: { readonly slot: number; readonly endsAt: number },
  { lost, released, clock }: Renewal,
): Promise<void> {
  const { slotMs } = terms;
  let { slot, endsAt } = first;
  const until = (moment: number) => clock.pause(Math.max(0, moment - clock.now()), released.signal);
  while (!released.signal.aborted) {
    await until(endsAt - slotMs * (1 - RENEW_AFTER));
    const lastCall = endsAt - slotMs * ENDING_SHARE;
    let isOurs = false;
    while (!released.signal.aborted && !isOurs && clock.now() < lastCall) {
      const stop = { signal: released.signal, msMax: lastCall - clock.now() };
      const result = await attempt(deps, terms, slot + slotMs, stop);
      if (result === 'other') break;
      isOurs = result === 'ours' && clock.now() < endsAt;
      if (!isOurs) await clock.pause(slotMs / RETRIES_PER_SLOT, released.signal);
    }
    if (released.signal.aborted) return;
    if (!isOurs) {
      await until(lastCall);
      if (!released.signal.aborted) lost.abort(new Error('the lease could not be renewed'));
      return;
    }
    slot += slotMs;
    endsAt += slotMs;
  }
}

/** A store that does not answer must not keep a holder from ending its work in time. */
async function attempt(
  deps: Deps,
  terms: LeaseTerms,
  slot: number,
  { signal: released, msMax }: { readonly signal: AbortSignal; readonly msMax: number },
): Promise<'ours' | 'other' | 'failed'> {
  const timeout = AbortSignal.timeout(Math.max(1, Math.floor(msMax)));
  const signal = AbortSignal.any([released, timeout]);
  try {
    const other = await takeSlot({ ...deps, signal }, terms, slot);
    return other === undefined ? 'ours' : 'other';
  } catch (error) {
    if (!released.aborted)
      deps.log.warn({ err: error }, 'a lease could not be renewed: trying again');
    return 'failed';
  }
}
