import { type ErrorCode, StowageError } from '../../backup-set/base/errors.ts';
import { formatKey, setPrefix } from '../../backup-set/base/keys.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { Deps } from '../deps.ts';
import { bury, decideRemoval, type RemovedSet, removeDecided } from '../retention/expire.ts';
import { gatherFacts, type SetFacts } from '../retention/facts.ts';
import { endTombstone, retentionOf, writeMark } from '../retention/marks.ts';
import { type NeededPacks, neededPacksOf } from '../retention/needed.ts';
import { openRuns } from '../retention/readers.ts';
import { stateOf } from '../retention/remove.ts';
import { withSharedDamage } from '../retention/shared-damage.ts';

/** A reason not to delete a set, and what `--force` would break. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** `--force` does not help. */
  readonly isFinal?: true;
}

export interface DeletionPlan {
  readonly timestamp: string;
  /** In the order of removal: the manifest first. Packs that other sets need are not among them. */
  readonly objects: readonly string[];
  readonly bytes: number;
  /** Other sets whose manifests name packs of this one, and backups that may use it as base. */
  readonly neededBy: readonly string[];
  /** Packs that stay for them. */
  readonly packsKept: number;
  readonly refusals: readonly Refusal[];
  readonly facts: ReadonlyMap<string, SetFacts>;
}

/** Sets named in one message; `--json` has all where nothing refuses. */
const NAMED_MAX = 5;

/** Requests and tasks without an outcome count as dead after that time, as for expiry. */
const KEEP_REQUESTS = '30d';

/**
 * Plans a deletion: an expiry of one set without grace. `deleteSet` executes the plan.
 * @throws StowageError `set/not-found` when nothing is stored under this timestamp.
 */
export async function planDeletion(deps: Deps, timestamp: string): Promise<DeletionPlan> {
  const facts = await withSharedDamage(deps, await gatherFacts(deps));
  const needed = await neededPacksOf(deps, facts, new Set([timestamp]));
  const found = await objectsOf(deps, timestamp, needed);
  if (found.objects.length + found.packsKept === 0)
    throw new StowageError(
      'set/not-found',
      `there is no set ${timestamp} under ${deps.store.url}`,
      { where: { set: timestamp } },
    );
  const neededBy = neededByOthers(facts, timestamp);
  const refusals = await refusalsFor(deps, facts, timestamp, neededBy);
  return { timestamp, ...found, neededBy, refusals, facts };
}

/**
 * Deletes a set, except the packs that other sets need. Without `force` it looks for readers once
 * more after the tombstone, and takes that back when there is one.
 * @throws StowageError `set/in-use`, `set/held` when the set was read or held meanwhile.
 */
export async function deleteSet(
  deps: Deps,
  { timestamp, facts, refusals }: DeletionPlan,
  { force = false }: { readonly force?: boolean } = {},
): Promise<RemovedSet | undefined> {
  const final = refusals.find(({ isFinal }) => isFinal);
  if (final !== undefined)
    throw new StowageError(final.code, final.message, { where: { set: timestamp } });
  const { held } = await retentionOf(deps, timestamp);
  if (force && held !== undefined)
    await writeMark(deps, timestamp, 'released', 'stowage delete --force');
  if ((await retentionOf(deps, timestamp)).state === 'living') {
    if (!(await bury(deps, timestamp, 'stowage delete'))) throw heldError(timestamp);
    const after = await retentionOf(deps, timestamp);
    const [reader] = force ? [] : await readersNow(deps, facts, timestamp);
    if (reader !== undefined && after.state === 'expired') {
      await endTombstone(deps, timestamp, after.tombstone, 'unexpired');
      throw new StowageError(reader.code, reader.message, { where: { set: timestamp } });
    }
  }
  if (!(await decideRemoval(deps, timestamp))) throw heldError(timestamp);
  const [removed] = await removeDecided(deps, facts, { only: timestamp });
  return removed;
}

/** All reasons, so that `--force` can name them. */
async function refusalsFor(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  timestamp: string,
  neededBy: readonly string[],
): Promise<Refusal[]> {
  const set = facts.get(timestamp);
  if (set === undefined || set.isGhost || set.retention.state === 'removing') return [];
  const refusals: Refusal[] = [];
  const { status, retention, database } = set;
  const increments = [...facts.values()]
    .filter(({ needsFilesOf }) => needsFilesOf.includes(timestamp))
    .map((one) => one.timestamp);
  if (increments.length > 0)
    refusals.push({
      code: 'set/needed',
      message: `its files are needed by ${plural(increments.length, 'increment')} of gpbackup: ${named(increments)}. Delete these first`,
      isFinal: true,
    });
  else if (neededBy.length > 0)
    refusals.push({
      code: 'set/needed',
      message: `its packs are used by ${plural(neededBy.length, 'set')}: ${named(neededBy)}`,
    });
  if (status === 'open')
    refusals.push({ code: 'set/in-use', message: 'it is being written, or not judged yet' });
  refusals.push(...(await readersOf(deps, facts, timestamp)));
  if (retention.held !== undefined)
    refusals.push({ code: 'set/held', message: `it is held: ${retention.held.why}` });
  const isComplete = (one: SetFacts) => one.status === 'complete' || one.status === 'unproven';
  const others = [...facts.values()].filter(
    (one) => one !== set && one.retention.state === 'living' && one.database === database,
  );
  const mayBeComplete = isComplete(set) || status === 'unknown';
  if (mayBeComplete && retention.state === 'living' && !others.some(isComplete))
    refusals.push({
      code: 'set/last',
      message: `it is the only complete set of database ${database ?? '?'}`,
    });
  return refusals;
}

/** Restores, tasks and copies that read the set. */
async function readersOf(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  timestamp: string,
): Promise<Refusal[]> {
  const readers = await openRuns(deps, facts.keys(), KEEP_REQUESTS);
  const named = readers.get(timestamp) ?? [];
  const others = facts.get(timestamp)?.isRead ? ['a copy or repair'] : [];
  return [...named, ...others].map((reader) => ({
    code: 'set/in-use',
    message: `it is read by ${reader}`,
  }));
}

/** The readers that have begun since the plan, too: copies, and backups with it as their base. */
async function readersNow(
  deps: Deps,
  facts: ReadonlyMap<string, SetFacts>,
  timestamp: string,
): Promise<Refusal[]> {
  const known = new Map(facts);
  known.delete(timestamp);
  const fresh = await gatherFacts(deps, known);
  const needed = neededByOthers(fresh, timestamp).map((other) => ({
    code: 'set/needed' as const,
    message: `its packs are used by set ${other}`,
  }));
  return [...needed, ...(await readersOf(deps, fresh, timestamp))];
}

/** Sets whose manifests need it, and backups that run with it as base. Only younger ones can. */
function neededByOthers(facts: ReadonlyMap<string, SetFacts>, timestamp: string): string[] {
  return [...facts.values()]
    .filter(({ needs, status, isBaseHidden, timestamp: other }) => {
      // Its plan cannot be read, and may name this set as its base.
      if (isBaseHidden && other > timestamp && status !== 'incomplete') return true;
      if (needs.kind === 'manifest') return needs.sets.includes(timestamp);
      // A backup that runs: its manifest will need packs of its base. A failed one has a verdict.
      return needs.kind === 'base' && needs.base === timestamp && status === 'open';
    })
    .map((set) => set.timestamp);
}

async function objectsOf(deps: Deps, timestamp: string, needed: NeededPacks) {
  const manifest = formatKey({ kind: 'manifest', timestamp });
  const objects: string[] = [];
  let [bytes, packsKept] = [0, 0];
  for await (const object of deps.store.list(setPrefix(timestamp), { signal: deps.signal })) {
    const state = stateOf(object.key, needed);
    if (state === 'kept') packsKept += 1;
    if (state !== 'goes') continue;
    if (object.key === manifest) objects.unshift(object.key);
    else objects.push(object.key);
    bytes += object.bytes;
  }
  return { objects, bytes, packsKept };
}

function named(timestamps: readonly string[]): string {
  const rest = timestamps.length - NAMED_MAX;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return timestamps.slice(0, NAMED_MAX).join(', ') + more;
}

function heldError(timestamp: string): StowageError {
  return new StowageError('set/held', `set ${timestamp} was held while it was deleted`, {
    where: { set: timestamp },
  });
}
