import { StowageError } from '../../backup-set/base/errors.ts';
import { openTombstones } from '../../backup-set/retention/state.ts';
import type { Deps } from '../deps.ts';
import { liftLegalHolds, setLegalHolds } from '../lock/legal-holds.ts';
import { requireSet } from '../sets/status.ts';
import { endTombstone, expiredError, type Retention, retentionOf, writeMark } from './marks.ts';

export interface HoldResult {
  /** The set had expired, and lives again. */
  readonly unexpired: boolean;
  /** Objects with a legal hold; absent = the bucket has no Object Lock. */
  readonly legalHolds?: number;
}

/**
 * Holds a set: no rule expires it until it is released. A set that has expired lives again. The
 * hold is written first, so that an expiry that runs at the same time sees it.
 * @throws StowageError `set/expired` when its removal has begun; `set/not-found`.
 */
export async function holdSet(deps: Deps, timestamp: string, why: string): Promise<HoldResult> {
  const before = await retentionOf(deps, timestamp);
  if (before.state === 'removing') throw expiredError(timestamp, before);
  await requireSet(deps, timestamp);
  await writeMark(deps, timestamp, 'held', why);
  const { marks } = await retentionOf(deps, timestamp);
  const open = openTombstones(marks);
  for (const { instant } of open) {
    const ended = await endTombstone(deps, timestamp, instant, 'unexpired');
    if (ended === 'removal') throw expiredError(timestamp, { state: 'removing' });
  }
  // After the marks: a set that was removed before the hold was written has none.
  await requireSet(deps, timestamp);
  const after = await retentionOf(deps, timestamp);
  if (after.state === 'removing') throw expiredError(timestamp, after);
  deps.log.info({ set: timestamp, why, unexpired: open.length > 0 }, 'set held');
  const legalHolds = await setLegalHolds(deps, timestamp);
  return {
    unexpired: before.state === 'expired',
    ...(legalHolds !== undefined && { legalHolds }),
  };
}

/** Gives a held set back to the rules. @returns why it was held; undefined = it was not. */
export async function releaseSet(deps: Deps, timestamp: string): Promise<Retention['held']> {
  await requireSet(deps, timestamp);
  const { held } = await retentionOf(deps, timestamp);
  if (held !== undefined) await writeMark(deps, timestamp, 'released', held.why);
  // Also of a set that is not held any more: an earlier release may not have lifted all of them.
  await liftLegalHolds(deps, timestamp);
  if (held === undefined) return undefined;
  deps.log.info({ set: timestamp }, 'set released');
  return held;
}

/**
 * Takes the tombstone of a set back, and holds the set: the same rules would expire it again.
 * @throws StowageError `usage/flag` when the set has not expired; `set/expired` when its removal
 * has begun.
 */
export async function unexpireSet(deps: Deps, timestamp: string, why: string): Promise<void> {
  const found = await retentionOf(deps, timestamp);
  if (found.state === 'living') {
    await requireSet(deps, timestamp);
    throw new StowageError('usage/flag', `set ${timestamp} has not expired`, {
      where: { set: timestamp },
    });
  }
  await holdSet(deps, timestamp, why);
}
