import { timestampOf } from '../../backup-set/base/timestamps.ts';
import { type Decision, decide, type RuledSet } from '../../backup-set/retention/decide.ts';
import { earlier } from '../../backup-set/retention/duration.ts';
import type { RetentionRules } from '../../backup-set/retention/rules.ts';
import type { Deps } from '../deps.ts';
import { locksOf, type SetLock } from '../lock/locked-until.ts';
import { gatherFacts, type SetFacts } from './facts.ts';
import { openRuns } from './readers.ts';
import { withSharedDamage } from './shared-damage.ts';

/** A set with a tombstone. */
export interface ExpiredSet {
  readonly timestamp: string;
  readonly since: Date;
  /** From then on it can be removed. */
  readonly removableAt: Date;
  /** Readers that it must wait for. */
  readonly waitsFor: readonly string[];
  /** Its manifest is locked (docs/design/0025-object-lock.md). Only read after its grace. */
  readonly lock?: SetLock;
  /** An object of it that the store withholds: it is not removed. */
  readonly unreadable?: string;
}

export interface ExpiryPlan {
  /** About every living set, newest first. */
  readonly decisions: readonly Decision[];
  readonly expired: readonly ExpiredSet[];
  /** Their removal has begun; it was killed, or other sets need their packs. */
  readonly removing: readonly string[];
  readonly facts: ReadonlyMap<string, SetFacts>;
  /** The store's time. */
  readonly now: Date;
}

/** Decides what an expiry does, and writes nothing. `runExpiry` executes the same decisions. */
export async function planExpiry(
  deps: Deps,
  rules: RetentionRules,
  known?: ReadonlyMap<string, SetFacts>,
): Promise<ExpiryPlan> {
  const facts = await withSharedDamage(deps, await gatherFacts(deps, known));
  const readers = await readersOfSets(deps, facts, rules);
  const now = await deps.store.now({ signal: deps.signal });
  const of = (state: SetFacts['retention']['state']) =>
    [...facts.values()].filter((set) => set.retention.state === state && !set.isGhost);
  const graceMs = rules.graceHours * 3600_000;
  // The times of the store are exact to a second or two: without grace it is removable at once.
  const removableAt = (since: Date) =>
    graceMs === 0 ? new Date(0) : new Date(since.getTime() + graceMs);
  const afterGrace = of('expired').filter(
    ({ retention, unreadable }) =>
      retention.state === 'expired' &&
      removableAt(retention.since) <= now &&
      unreadable === undefined,
  );
  const locks = await locksOf(
    deps,
    afterGrace.map(({ timestamp }) => timestamp),
    now,
  );
  return {
    facts,
    now,
    decisions: decide(
      of('living').map((set) => ruled(set, readers)),
      rules,
      now,
    ),
    expired: withIncrements(
      of('expired').flatMap(({ timestamp, retention, unreadable }) => {
        if (retention.state !== 'expired') return [];
        const { since } = retention;
        const waitsFor = readers.get(timestamp) ?? [];
        const lock = locks.get(timestamp);
        return [
          {
            ...{ timestamp, since, removableAt: removableAt(since), waitsFor },
            ...(lock && { lock }),
            ...(unreadable !== undefined && { unreadable }),
          },
        ];
      }),
      facts,
      now,
    ),
    removing: of('removing').map(({ timestamp }) => timestamp),
  };
}

/**
 * Expired sets wait for increments that need their files and stay: without its documents, nothing
 * proves the files of a set, and only gprestore can read them.
 */
function withIncrements(
  expired: readonly ExpiredSet[],
  facts: ReadonlyMap<string, SetFacts>,
  now: Date,
): readonly ExpiredSet[] {
  const going = new Set(
    expired.filter((set) => isRemovable(set, now)).map(({ timestamp }) => timestamp),
  );
  const neededBy = new Map<string, string>();
  // The newest first: an increment that waits keeps older ones.
  for (const { timestamp, retention, needsFilesOf } of [...facts.values()].reverse()) {
    if (retention.state === 'removing' || going.has(timestamp)) continue;
    for (const older of needsFilesOf) {
      neededBy.set(older, timestamp);
      going.delete(older);
    }
  }
  return expired.map((set) => {
    const increment = neededBy.get(set.timestamp);
    if (increment === undefined) return set;
    return { ...set, waitsFor: [...set.waitsFor, `set ${increment}, which needs its files`] };
  });
}

/** Whether an expired set can be removed now. */
export function isRemovable(set: ExpiredSet, now: Date): boolean {
  const { removableAt, waitsFor, lock, unreadable } = set;
  const isFree = waitsFor.length === 0 && lock === undefined && unreadable === undefined;
  return removableAt <= now && isFree;
}

/**
 * Readers by set: restores and tasks without outcome, copies, and backups that are not complete and
 * use the set as their base.
 */
export async function readersOfSets(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  { keepRequests, keepFailed }: Pick<RetentionRules, 'keepRequests' | 'keepFailed'>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const readers = await openRuns(deps, facts.keys(), keepRequests);
  const add = (timestamp: string, reader: string) =>
    readers.set(timestamp, [...(readers.get(timestamp) ?? []), reader]);
  const limit = timestampOf(earlier(await deps.store.now({ signal: deps.signal }), keepFailed));
  for (const { timestamp, isRead, needs, isBaseHidden } of facts.values()) {
    // A backup that runs. One that is older than `keepFailed` has failed.
    if (isBaseHidden && timestamp > limit)
      for (const older of facts.keys())
        if (older < timestamp) add(older, `set ${timestamp}, whose plan cannot be read`);
    if (isRead) add(timestamp, 'a copy or repair');
    if (needs.kind === 'base' && needs.base !== undefined)
      add(needs.base, `set ${timestamp}, whose base it is`);
  }
  return readers;
}

function ruled(
  { timestamp, status, series, tags, judgedAt, retention, needsFilesOf }: SetFacts,
  readers: ReadonlyMap<string, readonly string[]>,
): RuledSet {
  const held = retention.held?.why;
  return {
    timestamp,
    status,
    series,
    tags,
    judgedAt,
    ...(held !== undefined && { held }),
    readers: readers.get(timestamp) ?? [],
    needsFilesOf,
  };
}
