import { formatKey, VERDICT_LEVELS } from '../../backup-set/base/keys.ts';
import type { Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { newestVerdict, readVerdict, verdictKeys, verdictLevel } from './load.ts';

/** Verdicts `overdue` are written only when something has changed since the last one. */
const OVERDUE_MAX = 16;

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
  const decisive =
    newest.find(({ level, status }) => level === 'verify' && status === 'damaged') ?? newest[0];
  if (decisive === undefined || !isFromBeforeSeal(decisive)) return decisive;
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), {
    signal: deps.signal,
  });
  return seal === undefined ? decisive : newestSealedVerdict(deps, timestamp, known);
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
