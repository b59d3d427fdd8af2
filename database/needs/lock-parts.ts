import type { TocEntry } from '../objects/toc.ts';
import { locksOf } from './entry.ts';

/**
 * The locks of one transaction of a restore that may make its objects in several: a quarter of the
 * room of a server with default settings.
 */
export const LOCKS_AT_ONCE = 2_000;

/** pg_restore runs them after all others: a default or a REVOKE would hit what is made later. */
const LAST = new Set(['ACL', 'ACL LANGUAGE', 'DEFAULT ACL']);

/** An entry of an archive, and the locks that its creation takes. */
export interface LockingEntry {
  readonly id: number;
  readonly kind: string;
  readonly locks: number;
}

export function lockingEntry({ id, kind, definition }: TocEntry): LockingEntry {
  return { id, kind, locks: locksOf(kind, definition) };
}

/**
 * Cuts the entries, in their order, into parts that each fit into one transaction. Rights come
 * last, as in one run of pg_restore.
 */
export function partsByLocks<Entry extends LockingEntry>(
  entries: readonly Entry[],
  locksMax: number,
): Entry[][] {
  const isLast = ({ kind }: Entry) => LAST.has(kind);
  const ordered = [...entries.filter((entry) => !isLast(entry)), ...entries.filter(isLast)];
  const parts: Entry[][] = [];
  let part: Entry[] = [];
  let held = 0;
  for (const entry of ordered) {
    if (part.length > 0 && held + entry.locks > locksMax) {
      parts.push(part);
      part = [];
      held = 0;
    }
    part.push(entry);
    held += entry.locks;
  }
  return part.length === 0 ? parts : [...parts, part];
}
