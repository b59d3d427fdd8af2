import { throwIfInterrupted } from '../../async/abort.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import {
  type ExpirySummary,
  summarizeExpiry,
} from '../../backup-set/documents/retention/expiry-summary.ts';
import type { RetentionRules } from '../../backup-set/retention/rules.ts';
import { oldReaders, openTombstones } from '../../backup-set/retention/state.ts';
import type { Deps } from '../deps.ts';
import { gatherFacts, type SetFacts } from './facts.ts';
import { deadGhosts } from './ghosts.ts';
import { endTombstone, retentionOf, writeMark } from './marks.ts';
import { type NeededPacks, neededPacksOf } from './needed.ts';
import { type ExpiryPlan, isRemovable, planExpiry } from './plan.ts';
import { type Removal, removeManifest, removeSet } from './remove.ts';
import { type ExpiryProblem, type SetStep, stepsApart, stepsTogether } from './steps-apart.ts';

/** What an expiry did. */
export interface ExpiryReport {
  /** Sets that got a tombstone. */
  readonly expired: readonly string[];
  readonly removed: readonly RemovedSet[];
  /** Expired sets that stay, because Object Lock keeps their objects. The next run looks again. */
  readonly locked: readonly { readonly timestamp: string; readonly until?: string }[];
  readonly kept: number;
  readonly objects: number;
  readonly bytes: number;
  /** The same in short, with the reasons. */
  readonly summary: ExpirySummary;
  /** Sets that stay because an object of them could not be read, marked or removed. */
  readonly problems: readonly ExpiryProblem[];
}

export interface RemovedSet extends Removal {
  readonly timestamp: string;
  /** Sets that need packs of it; empty = no object is left. */
  readonly neededBy: readonly string[];
}

/** Called before each step of a run. */
export type ExpiryProgress = (step: {
  readonly step: 'expire' | 'remove';
  readonly timestamp: string;
}) => void;

/**
 * One run of expiry: tombstones for the sets that no rule keeps, then the removal of those whose
 * grace is over. It can be killed anywhere, and run beside itself: the next run continues. A set of
 * which the store refuses an object is a problem, and the others go on.
 * @param plan of `planExpiry`, a moment ago.
 */
export async function runExpiry(
  deps: Deps,
  rules: RetentionRules,
  plan: ExpiryPlan,
  onStep: ExpiryProgress = () => undefined,
): Promise<ExpiryReport> {
  const going = plan.decisions.filter(({ keptBy }) => keptBy.length === 0);
  const expired: string[] = [];
  const problems: ExpiryProblem[] = [];
  const step = stepsApart(deps, problems);
  for (const { timestamp, why } of going) {
    throwIfInterrupted(deps.signal, 'expiring sets');
    onStep({ step: 'expire', timestamp });
    await step(timestamp, async () => {
      if (await bury(deps, timestamp, why)) expired.push(timestamp);
    });
  }
  // Read again after the tombstones: a reader that has not seen one has its document stored.
  const known = new Map([...plan.facts].filter(([timestamp]) => !expired.includes(timestamp)));
  const after = await planExpiry(deps, rules, withoutExpired(known));
  for (const set of after.expired)
    if (isRemovable(set, after.now))
      await step(set.timestamp, async () => {
        await decideRemoval(deps, set.timestamp);
      });
  const options = { onStep, ghosts: rules.keepFailed, step };
  const removed = await removeDecided(deps, after.facts, options);
  await removeOldReaders(deps, after, step);
  for (const { timestamp, unreadable } of after.facts.values())
    if (unreadable !== undefined) problems.push({ timestamp, message: unreadable });
  const locked = after.expired.flatMap(({ timestamp, lock }) =>
    lock === undefined
      ? []
      : [{ timestamp, ...(lock.until && { until: lock.until.toISOString() }) }],
  );
  const databaseOf = ({ timestamp }: { readonly timestamp: string }) =>
    plan.facts.get(timestamp)?.database;
  const report: ExpiryReport = {
    expired,
    removed,
    locked,
    summary: summarizeExpiry({
      decisions: plan.decisions.map((set) => ({ ...set, database: databaseOf(set) })),
      expired,
      removed: removed.map((set) => ({ ...set, database: databaseOf(set) })),
      locked: locked.length,
    }),
    kept: plan.decisions.length - going.length,
    objects: sumOf(removed, ({ objects }) => objects),
    bytes: sumOf(removed, ({ bytes }) => bytes),
    problems: [...new Map(problems.map((one) => [one.timestamp, one])).values()],
  };
  const { objects, bytes, kept } = report;
  deps.log.info(
    {
      ...{ expired, removed: removed.map(({ timestamp }) => timestamp), kept, objects, bytes },
      problems: report.problems.length,
    },
    'expiry finished',
  );
  return report;
}

interface RemoveOptions {
  readonly onStep?: ExpiryProgress;
  /** Removes this set only. */
  readonly only?: string;
  /** Removes folders that are no sets, too, when nothing was stored in them for so long. */
  readonly ghosts?: string;
  /** Absent = the first failure is thrown. */
  readonly step?: SetStep;
}

/**
 * Removes all sets whose removal was decided, also those of earlier runs. The needed packs are read
 * after the last decision: a later backup has a base that stays.
 */
export async function removeDecided(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  { onStep = () => undefined, only, ghosts, step = stepsTogether }: RemoveOptions = {},
): Promise<RemovedSet[]> {
  const known = withoutExpired(facts);
  if (only !== undefined) known.delete(only);
  const fresh = await gatherFacts(deps, known);
  const decided = [...fresh.values()].filter(({ retention }) => retention.state === 'removing');
  const dead = ghosts === undefined ? [] : await deadGhosts(deps, fresh, ghosts);
  const going = new Set([...decided.map(({ timestamp }) => timestamp), ...dead]);
  if (going.size === 0) return [];
  // All of them before the first pack: a set that lacks packs must not have a manifest.
  const manifests = new Map<string, number | undefined>();
  for (const timestamp of going) {
    throwIfInterrupted(deps.signal, 'removing sets');
    const isGone = await step(timestamp, async () => {
      manifests.set(timestamp, await removeManifest(deps, timestamp));
    });
    if (!isGone) fresh.set(timestamp, withManifest(timestamp, fresh));
  }
  const needed = await neededPacksOf(deps, fresh, new Set(manifests.keys()));
  const removed: RemovedSet[] = [];
  for (const [timestamp, manifestBytes] of manifests) {
    if (only !== undefined && timestamp !== only) continue;
    throwIfInterrupted(deps.signal, 'removing sets');
    onStep({ step: 'remove', timestamp });
    await step(timestamp, async () => {
      const removal = await removeSet(deps, timestamp, needed, manifestBytes);
      removed.push(noteRemoval(deps, timestamp, needed, removal));
    });
  }
  return removed;
}

/** A set whose manifest could not be removed: it stays, and may need any older set. */
function withManifest(timestamp: string, facts: ReadonlyMap<string, SetFacts>): SetFacts {
  const known = facts.get(timestamp);
  return {
    ...{ timestamp, series: '', tags: [], database: undefined, isRead: false, needsFilesOf: [] },
    ...known,
    ...{ status: 'unknown', needs: { kind: 'unknown' } },
    retention: { state: 'living', marks: known?.retention.marks ?? [] },
  };
}

/** The marks of readers that have ended, or are dead. */
async function removeOldReaders(
  deps: Deps,
  { facts, now }: Pick<ExpiryPlan, 'facts' | 'now'>,
  step: SetStep,
): Promise<void> {
  for (const { timestamp, retention } of facts.values()) {
    const keys = oldReaders(retention.marks, now).map(({ instant, what }) =>
      formatKey({ kind: 'retention', timestamp, instant, what }),
    );
    if (keys.length > 0)
      await step(timestamp, () => deps.store.delete(keys, { signal: deps.signal }));
  }
}

function noteRemoval(
  deps: Deps,
  timestamp: string,
  needed: NeededPacks,
  removal: Removal,
): RemovedSet {
  const { objects, bytes, packsKept } = removal;
  const neededBy = needed.neededBy(timestamp);
  if (objects > 0) deps.log.info({ set: timestamp, objects, bytes, packsKept }, 'set removed');
  return { timestamp, ...removal, neededBy };
}

/**
 * Writes a tombstone, and takes it back when the set was held meanwhile.
 * @returns whether the set has expired.
 */
export async function bury(deps: Deps, timestamp: string, why: string): Promise<boolean> {
  await writeMark(deps, timestamp, 'expired', why);
  const { state, held, marks } = await retentionOf(deps, timestamp);
  if (held === undefined || state === 'removing') return true;
  for (const { instant } of openTombstones(marks))
    await endTombstone(deps, timestamp, instant, 'unexpired');
  return false;
}

/** Decides that an expired set is removed. @returns false when it lives, or lives again. */
export async function decideRemoval(deps: Deps, timestamp: string): Promise<boolean> {
  const found = await retentionOf(deps, timestamp);
  if (found.state !== 'expired') return found.state === 'removing';
  return (await endTombstone(deps, timestamp, found.tombstone, 'removal')) === 'removal';
}

/** Facts that can be used again: marks of living sets may have changed, too, but keep more. */
function withoutExpired(facts: ReadonlyMap<string, SetFacts>): Map<string, SetFacts> {
  return new Map([...facts].filter(([, { retention }]) => retention.state === 'living'));
}

const sumOf = <Item>(items: readonly Item[], of: (item: Item) => number) =>
  items.reduce((sum, item) => sum + of(item), 0);
