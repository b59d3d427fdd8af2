import { formatKey, VERDICT_LEVELS } from '../../backup-set/base/keys.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { newestVerdict, readVerdict, verdictKeys, verdictLevel } from './load.ts';

/** Verdicts `overdue` are written only when something has changed since the last one. */
const OVERDUE_MAX = 16;
/** Checks that are looked at to find one with the keys of the set. */
const VERIFIES_MAX = 16;
/** Problems that a check without keys cannot see. */
const NEEDS_KEYS: ReadonlySet<string> = new Set(['frame-unreadable', 'not-proven']);

export interface KnownOfSet {
  /** The set has a manifest. A verdict of `stitch`, which is about a set without one, is past. */
  readonly isCommitted: boolean;
  /** The keys of its verdicts, if known. */
  readonly keys?: readonly string[];
}

/**
 * The newest verdict on a set. Damage found by `verify` holds until a later `verify` finds none:
 * `validate` reads no data and would miss it. An unreadable verdict is ignored, and so is one from
 * before the seal, once the set has one.
 */
export async function currentVerdict(
  deps: Deps,
  timestamp: string,
  { isCommitted, keys }: KnownOfSet,
): Promise<Verdict | undefined> {
  const known = keys ?? (await verdictKeys(deps, timestamp));
  // A drill says how a restore went, which also depends on its target.
  const levels = VERDICT_LEVELS.filter(
    (level) => level !== 'drill' && (!isCommitted || level !== 'stitch'),
  );
  const verdicts = await Promise.all(
    levels.map((level) => newestVerdict(deps, timestamp, level, known)),
  );
  const newest = verdicts
    .filter((verdict) => verdict !== undefined)
    .toSorted((a, b) => (a.at < b.at ? 1 : -1));
  const found = newest.find(({ level, status }) => level === 'verify' && status === 'damaged');
  const decisive = found ?? (await unseenDamage(deps, newest, known)) ?? newest[0];
  if (decisive === undefined || !isFromBeforeSeal(decisive)) return decisive;
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), {
    signal: deps.signal,
  });
  return seal === undefined ? decisive : newestSealedVerdict(deps, timestamp, known);
}

/**
 * Damage that only a check with the keys of an encrypted set can see, when the newest `verify` had
 * none: it holds until a check with the keys finds none.
 */
async function unseenDamage(
  deps: Deps,
  newest: readonly Verdict[],
  keys: readonly string[],
): Promise<Verdict | undefined> {
  if (newest.find(({ level }) => level === 'verify')?.decrypted !== false) return undefined;
  const earlier = keys.filter((key) => verdictLevel(key) === 'verify').slice(-VERIFIES_MAX, -1);
  for (const key of earlier.reverse()) {
    const verdict = await readVerdict(deps, key);
    if (verdict?.decrypted !== true) continue;
    const isSealed = verdict.problems.some(({ code }) => NEEDS_KEYS.has(code));
    return verdict.status === 'damaged' && isSealed ? verdict : undefined;
  }
  return undefined;
}

/** The newest verdict of `stitch` on the sealed set. */
export async function newestSealedVerdict(
  deps: Deps,
  timestamp: string,
  keys?: readonly string[],
): Promise<Verdict | undefined> {
  const known = keys ?? (await verdictKeys(deps, timestamp));
  const stitched = known.filter((key) => verdictLevel(key) === 'stitch').slice(-OVERDUE_MAX);
  for (const key of stitched.reverse()) {
    const verdict = await readVerdict(deps, key);
    if (verdict !== undefined && !isFromBeforeSeal(verdict)) return verdict;
  }
  return undefined;
}

/** Only a set without a seal is overdue, whatever the clocks of store and functions say. */
export function isFromBeforeSeal({ problems }: Verdict): boolean {
  return problems.some(({ code }) => code === 'overdue');
}
