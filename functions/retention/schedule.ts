import { pause } from '../../async/poll.ts';
import { watchTrouble } from '../../async/watch/trouble.ts';
import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { ExpiryRun } from '../../backup-set/documents/retention/mark.ts';
import type { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { Deps } from '../deps.ts';
import { expireRoot, type RootExpiry } from './expire-root.ts';
import { writer } from './marks.ts';

/** Sleeps of a schedule are no longer, so that a changed clock of the store is noticed. */
const PAUSE_MS_MAX = 3600_000;

/** A slot that this process has taken and not finished: its next try runs in the same slot. */
export interface UnfinishedSlot {
  slotMs?: number | undefined;
}

/**
 * Runs expiry once per `everyHours`: by the store's time, and by one of the servers that try. The
 * document of the slot decides which; a run that is killed is continued in the next slot.
 * @returns undefined when the slot is taken.
 */
export async function expireOncePerSlot(
  deps: Deps,
  rules: RetentionRules,
  unfinished: UnfinishedSlot = {},
): Promise<RootExpiry | undefined> {
  const { slot } = await slotNow(deps, rules);
  if (unfinished.slotMs !== slot.getTime() && !(await take(deps, slot))) return undefined;
  unfinished.slotMs = slot.getTime();
  const report = await expireRoot(deps, rules);
  unfinished.slotMs = undefined;
  return report;
}

async function slotNow(deps: Deps, { everyHours }: RetentionRules) {
  const now = (await deps.store.now({ signal: deps.signal })).getTime();
  const everyMs = everyHours * 3600_000;
  const slot = Math.floor(now / everyMs) * everyMs;
  return { slot: new Date(slot), leftMs: slot + everyMs - now };
}

async function take(deps: Deps, slot: Date): Promise<boolean> {
  const key = formatKey({ kind: 'expiry', instant: instantOf(slot) });
  const options = { signal: deps.signal };
  if ((await deps.store.head(key, options)) !== undefined) return false;
  const at = deps.clock().toISOString();
  const run = { format: 'stowage/expiry', version: FORMAT_VERSION, at, by: writer() } as const;
  try {
    await deps.store.create(key, encode(ExpiryRun, run), options);
    return true;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
    return false;
  }
}

/** How a scheduled run ended; undefined = another server has run. */
export type OnExpired = (ended: RootExpiry | { readonly failed: unknown }) => void;

/**
 * Runs the expiry of each slot, beside the sweeps: a removal of many objects takes long.
 * @returns stops after the present run. `deps.signal` interrupts it.
 */
export function startExpiry(
  deps: Deps,
  rules: RetentionRules,
  onExpired: OnExpired,
): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const ended = runSlots(deps, rules, onExpired, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await ended;
    },
  };
}

async function runSlots(
  deps: Deps,
  rules: RetentionRules,
  onExpired: OnExpired,
  stopped: AbortSignal,
): Promise<void> {
  const watch = watchTrouble(deps.clock);
  const unfinished: UnfinishedSlot = {};
  while (!stopped.aborted && !deps.signal?.aborted) {
    let pauseMs = 60_000;
    try {
      const report = await expireOncePerSlot(deps, rules, unfinished);
      if (report !== undefined) onExpired(report);
      watch.succeeded();
      pauseMs = Math.min((await slotNow(deps, rules)).leftMs, PAUSE_MS_MAX);
    } catch (error) {
      if (deps.signal?.aborted) return;
      onExpired({ failed: error });
      if (watch.failed(error))
        deps.log.error(
          { err: error },
          `expiry failed: ${messageOf(error)}; further failures of this kind are not logged`,
        );
    }
    await pause(pauseMs, stopped);
  }
}
