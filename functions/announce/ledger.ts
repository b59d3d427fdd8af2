import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import { type LedgerStep, TRIES_MAX, triesPrefix } from '../../backup-set/base/keys/ledger-keys.ts';
import { formatKey, parseKey } from '../../backup-set/base/keys.ts';
import { LedgerEntry } from '../../backup-set/documents/announce/ledger.ts';
import type { Deps } from '../deps.ts';
import { writer } from '../retention/marks.ts';
import { listKeys } from '../stored/load.ts';
import { tryRead } from '../stored/try-read.ts';

const MINUTE_MS = 60_000;
/** Pauses before the second try and each one after it; each is longer than a send may take. */
const PAUSES_MS = [1, 5, 15, 60, 240].map((minutes) => minutes * MINUTE_MS);

/** What the ledger says about one event and one channel. */
export type Standing =
  | { readonly state: 'sent' | 'failed' }
  /** The next try is due at `dueAt`. After the last one the event is then given up. */
  | { readonly state: 'open'; readonly tries: number; readonly dueAt: Date };

/** Pure. `tries`: when each try was stored, oldest first. */
export function standingOf(steps: ReadonlyMap<LedgerStep, Date>): Standing {
  for (const state of ['sent', 'failed'] as const) if (steps.has(state)) return { state };
  const tries = [...steps.keys()].filter((step) => typeof step === 'number');
  const last = Math.max(0, ...tries);
  const begun = steps.get(last);
  const pauseMs = PAUSES_MS[last - 1] ?? MINUTE_MS;
  return {
    state: 'open',
    tries: last,
    dueAt: begun === undefined ? new Date(0) : new Date(begun.getTime() + pauseMs),
  };
}

export const isLastTry = (tries: number) => tries >= TRIES_MAX;

/** One LIST. */
export async function readStanding(deps: Deps, event: string, channel: string): Promise<Standing> {
  const stored = await listKeys(deps, triesPrefix(event, channel), ['announcement']);
  const steps = new Map<LedgerStep, Date>();
  for (const { key: text, modifiedAt } of stored) {
    const key = parseKey(text);
    if (key?.kind === 'announcement') steps.set(key.step, modifiedAt);
  }
  return standingOf(steps);
}

/** @returns false when another server has written it. */
export async function writeStep(
  deps: Deps,
  {
    event,
    channel,
    step,
    answer,
  }: Record<'event' | 'channel', string> & {
    readonly step: LedgerStep;
    readonly answer?: string;
  },
): Promise<boolean> {
  const key = formatKey({ kind: 'announcement', event, channel, step });
  return create(deps, key, { channel, event, ...(answer !== undefined && { answer }) });
}

/**
 * When a channel was first used under this root: what happened before is not announced.
 * @param startedAt the time for a channel that is new.
 */
export async function channelBegan(deps: Deps, channel: string, startedAt: Date): Promise<Date> {
  const key = formatKey({ kind: 'announcement-channel', channel });
  let isUnreadable = false;
  const known = await tryRead(deps, key, LedgerEntry, () => {
    isUnreadable = true;
  });
  if (known !== undefined) return new Date(known.at);
  // The channel announces what happens from now on, as a new one does.
  if (!isUnreadable) await create(deps, key, { channel }, startedAt);
  return startedAt;
}

async function create(
  deps: Deps,
  key: string,
  fields: Pick<LedgerEntry, 'channel' | 'event' | 'answer'>,
  time = deps.clock(),
): Promise<boolean> {
  const at = time.toISOString();
  const entry: LedgerEntry = {
    format: 'stowage/announcement',
    version: FORMAT_VERSION,
    at,
    by: writer(),
    ...fields,
  };
  try {
    await deps.store.create(key, encode(LedgerEntry, entry), { signal: deps.signal });
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    return false;
  }
}
