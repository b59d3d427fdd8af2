import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { isStowageError } from '../../backup-set/base/errors.ts';
import type { LeaseName } from '../../backup-set/base/keys/schedule-keys.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { instantOf } from '../../backup-set/base/timestamps.ts';
import { Lease } from '../../backup-set/documents/schedule/schedule.ts';
import type { Deps } from '../deps.ts';
import { tryRead } from '../stored/try-read.ts';

/** A term: longer ones delay a successor, shorter ones cost requests and objects. */
export const SLOT_MS = 300_000;

/** What a lease needs: tests give short slots. */
export interface LeaseTerms {
  readonly name: LeaseName;
  /** Differs between all processes that try. */
  readonly holder: string;
  readonly slotMs: number;
}

/** The slot that a time of the store belongs to. */
export function slotOf(atMs: number, slotMs: number): number {
  return Math.floor(atMs / slotMs) * slotMs;
}

/**
 * Takes the slot that begins at `slotMs`, or finds that this holder has it. Create-only: of all
 * callers one gets a slot, and keeps it until it ends.
 * @returns undefined when it is ours; else its holder.
 */
export async function takeSlot(
  deps: Deps,
  { name, holder, slotMs }: LeaseTerms,
  slot: number,
): Promise<Lease | undefined> {
  const key = formatKey({ kind: 'lease', name, instant: instantOf(new Date(slot)) });
  const lease: Lease = {
    format: 'stowage/lease',
    version: FORMAT_VERSION,
    holder,
    from: new Date(slot).toISOString(),
    until: new Date(slot + slotMs).toISOString(),
    takenAt: deps.clock().toISOString(),
  };
  try {
    await deps.store.create(key, encode(Lease, lease), { signal: deps.signal });
    return undefined;
  } catch (error) {
    if (!isStowageError(error, 'storage/exists')) throw error;
  }
  const found = await holderOf(deps, name, slot);
  // An unreadable lease belongs to another program.
  if (found === undefined || found === 'unreadable') return { ...lease, holder: 'unknown' };
  return found.holder === holder ? undefined : found;
}

/** The lease of a slot; undefined when no process has it. */
export async function holderOf(
  deps: Deps,
  name: LeaseName,
  slot: number,
): Promise<Lease | 'unreadable' | undefined> {
  const key = formatKey({ kind: 'lease', name, instant: instantOf(new Date(slot)) });
  let isUnreadable = false;
  const found = await tryRead(deps, key, Lease, () => {
    isUnreadable = true;
  });
  return isUnreadable ? 'unreadable' : found;
}

/** The holder of a lease by name; undefined when no process has it. */
export function holderName(lease: Lease | 'unreadable' | undefined): string | undefined {
  return lease === 'unreadable' ? 'unknown' : lease?.holder;
}
