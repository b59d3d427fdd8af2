import type { RetentionMark } from '../base/keys/more-keys.ts';
import type { Mark } from '../documents/retention/mark.ts';

/** A mark of a set, as a list of its folder gives it. `storedAt` is the store's time. */
export interface StoredMark {
  readonly what: RetentionMark;
  readonly instant: string;
  readonly storedAt: Date;
}

/** How tombstones ended, by their instant. */
export type Endings = ReadonlyMap<string, Mark['as']>;

export type RetentionState =
  | { readonly state: 'living' }
  /** `tombstone`: the instant of the oldest that has not ended. `ended` decides about it. */
  | { readonly state: 'expired'; readonly tombstone: string; readonly since: Date }
  /** There is no way back. */
  | { readonly state: 'removing' };

/** A reader without a new mark for longer counts as dead. */
export const READING_MS_MAX = 6 * 3600_000;

/**
 * The state of a set follows from its marks, in any order. A hold wins over a tombstone that has
 * not ended: the expiry that wrote it was killed before it looked.
 */
export function stateOf(marks: readonly StoredMark[], endings: Endings): RetentionState {
  if ([...endings.values()].includes('removal')) return { state: 'removing' };
  if (heldSince(marks) !== undefined) return { state: 'living' };
  const [tombstone] = openTombstones(marks);
  if (tombstone === undefined) return { state: 'living' };
  return { state: 'expired', tombstone: tombstone.instant, since: tombstone.storedAt };
}

/** Tombstones without an `ended`, oldest first. */
export function openTombstones(marks: readonly StoredMark[]): StoredMark[] {
  const ended = new Set(marks.filter(({ what }) => what === 'ended').map(({ instant }) => instant));
  return marks
    .filter(({ what, instant }) => what === 'expired' && !ended.has(instant))
    .toSorted(byInstant);
}

/** The instant of the hold that is in force. */
export function heldSince(marks: readonly StoredMark[]): string | undefined {
  const newest = marks
    .filter(({ what }) => what === 'held' || what === 'released')
    .toSorted(byInstant)
    .at(-1);
  return newest?.what === 'held' ? newest.instant : undefined;
}

/** Instants of `reading` of programs that still read the set. */
export function readersOf(marks: readonly StoredMark[], now: Date): string[] {
  const ended = new Set(marks.filter(({ what }) => what === 'read').map(({ instant }) => instant));
  const isAlive = ({ storedAt }: StoredMark) => now.getTime() - storedAt.getTime() < READING_MS_MAX;
  return marks
    .filter((mark) => mark.what === 'reading' && !ended.has(mark.instant) && isAlive(mark))
    .map(({ instant }) => instant);
}

/** The marks `reading` and `read` that say nothing any more, because of their age. */
export function oldReaders(marks: readonly StoredMark[], now: Date): StoredMark[] {
  const isOld = ({ storedAt }: StoredMark) =>
    now.getTime() - storedAt.getTime() > 2 * READING_MS_MAX;
  return marks.filter((mark) => (mark.what === 'reading' || mark.what === 'read') && isOld(mark));
}

/** By instant; of one instant in the order of the names: `released` after `held`. */
function byInstant(a: StoredMark, b: StoredMark): number {
  if (a.instant !== b.instant) return a.instant < b.instant ? -1 : 1;
  return a.what < b.what ? -1 : 1;
}
