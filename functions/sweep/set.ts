import {
  formatKey,
  receiptsPrefix,
  sealPartsPrefix,
  setPrefix,
} from '../../backup-set/base/keys.ts';
import { joinProblems, NO_PROBLEMS } from '../../backup-set/base/problems.ts';
import { boundedProblems, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import { count } from '../../backup-set/base/words.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import type { StoredObject } from '../../storage/store.ts';
import type { Deps } from '../deps.ts';
import { stitch } from '../handlers/stitch.ts';
import { validate } from '../handlers/validate.ts';
import { retentionOf } from '../retention/marks.ts';
import { tryReadDocument } from '../sets/status.ts';
import { isFromBeforeSeal } from '../stored/current-verdict.ts';
import { foldHeads, loadHeads } from '../stored/fold.ts';
import { inDoubt, judgementOf } from '../stored/judgement.ts';
import { listKeys, listVerdicts, readVerdict, verdictLevel } from '../stored/load.ts';
import { arrivalsUnder, isOverdue, lastArrival, overdueLimitSeconds } from '../stored/overdue.ts';
import { NOTHING_CHECKED, writeVerdictIfChanged } from '../stored/write-verdict.ts';
import type { SetStatus, SweepOptions, SweepReport } from './report.ts';

/** A verdict stored so soon after a receipt may come from a fold that began without it. */
const FOLD_MS_MAX = 5 * 60_000;
/** Problems that name a missing object. */
const MISSING_CODES: ReadonlySet<Problem['code']> = new Set([
  'receipt-missing',
  'content-missing',
  'object-missing',
  'key-missing',
]);
/** Missing objects checked per set: a set is complete only with all, so a few are enough. */
const MISSING_CHECKED_MAX = 16;

/**
 * Does the work on one set that no event started. `over`: its status cannot change any more.
 * @returns undefined for a folder that the store lists, and that is no set.
 */
export async function sweepSet(
  deps: Deps,
  timestamp: string,
  options: SweepOptions,
  report: SweepReport,
): Promise<{ readonly status: SetStatus; readonly over: boolean } | undefined> {
  const verdicts = await listVerdicts(deps, timestamp);
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }), {
    signal: deps.signal,
  });
  // `validate` writes verdicts on committed sets only, so with one the set needs no more work.
  if (manifest !== undefined && verdicts.some(({ key }) => verdictLevel(key) === 'validate')) {
    const known = await statusOfCommitted(
      deps,
      timestamp,
      verdicts.map(({ key }) => key),
    );
    if (known !== undefined) return { status: known, over: true };
  }
  const status =
    manifest === undefined ? await commit(deps, timestamp, verdicts, options, report) : 'complete';
  if (status === undefined) return undefined;
  if (status !== 'complete') return { status, over: false };
  const { verdict } = await validate(deps, timestamp);
  report.validated.push(timestamp);
  return { status: verdict.status, over: true };
}

/**
 * The status of a validated set; undefined when its manifest cannot be read and no verdict says so:
 * it was truncated since, and must be validated again.
 * @throws StowageError when a verdict that cannot be read may say something else.
 */
async function statusOfCommitted(
  deps: Deps,
  timestamp: string,
  keys: readonly string[],
): Promise<SetStatus | undefined> {
  const known = { isCommitted: true, keys };
  const { verdict, hidden } = await judgementOf(deps, timestamp, known);
  if (verdict?.status === 'damaged') return 'damaged';
  const manifest = await tryReadDocument(deps, timestamp, 'manifest', Manifest);
  if (manifest === undefined) return undefined;
  if (hidden !== undefined) throw inDoubt(hidden);
  return 'complete';
}

/**
 * Commits a set if possible. @returns `complete` when the set has its manifest now; undefined when
 * the folder is no set.
 */
async function commit(
  deps: Deps,
  timestamp: string,
  verdicts: readonly StoredObject[],
  options: SweepOptions,
  report: SweepReport,
): Promise<SetStatus | undefined> {
  // What is left of a set that is being removed gets no verdict and no manifest.
  if ((await retentionOf(deps, timestamp)).state === 'removing') return undefined;
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), {
    signal: deps.signal,
  });
  if (seal === undefined) {
    const { last, isSet } = await arrivalsUnder(deps, setPrefix(timestamp));
    if (last === undefined || !isSet) return undefined;
    const overdue = await writeIfOverdue(deps, timestamp, last, options);
    if (overdue !== undefined) report.overdue.push(timestamp);
    return overdue ?? 'open';
  }
  const final = await finalVerdict(deps, timestamp, verdicts, seal.modifiedAt);
  if (final !== undefined) return final.status;
  const { status } = await stitch(deps, timestamp);
  if (status === 'complete') report.committed.push(timestamp);
  return status;
}

/** The verdict on the sealed set, if nothing has arrived since that could change it. */
async function finalVerdict(
  deps: Deps,
  timestamp: string,
  verdicts: readonly StoredObject[],
  sealedAt: Date,
): Promise<Verdict | undefined> {
  const stored = verdicts.findLast(({ key }) => verdictLevel(key) === 'stitch');
  const verdict = stored && (await readVerdict(deps, stored.key));
  if (stored === undefined || verdict === undefined || isFromBeforeSeal(verdict)) return undefined;
  const named = [receiptsPrefix(timestamp), sealPartsPrefix(timestamp)];
  const arrived = await Promise.all(named.map((prefix) => lastArrival(deps, prefix)));
  const newest = Math.max(
    ...[sealedAt, ...arrived.filter((at) => at !== undefined)].map((at) => at.getTime()),
  );
  if (newest + FOLD_MS_MAX >= stored.modifiedAt.getTime()) return undefined;
  return (await hasArrived(deps, verdict)) ? undefined : verdict;
}

/**
 * True when an object exists now that the verdict names as missing. Its modification time does not
 * show this: a replication or `cp -a` keeps the original time, which can be long before the
 * verdict.
 */
async function hasArrived(deps: Deps, { problems }: Verdict): Promise<boolean> {
  const missing = problems.filter(
    ({ code, object }) => object !== undefined && MISSING_CODES.has(code),
  );
  for (const { code, object = '' } of missing.slice(0, MISSING_CHECKED_MAX)) {
    // Any document with the key will do: the problem names their folder.
    const isThere =
      code === 'key-missing'
        ? (await listKeys(deps, object, ['set-key', 'host-key'])).length > 0
        : (await deps.store.head(object, { signal: deps.signal })) !== undefined;
    if (isThere) return true;
  }
  return false;
}

/** Writes a verdict that names what is missing, when an unsealed set is overdue. */
async function writeIfOverdue(
  deps: Deps,
  timestamp: string,
  last: Date,
  options: SweepOptions,
): Promise<Verdict['status'] | undefined> {
  const allowed = await overdueLimitSeconds(deps, timestamp, options.overdueAfterSeconds);
  if (!(await isOverdue(deps, last, allowed))) return undefined;
  const heads = await loadHeads(deps, timestamp);
  // Sealed meanwhile: the event of the seal, or the next sweep, judges the set.
  if (heads.seal !== undefined) return undefined;
  const folded = await foldHeads(deps, timestamp, heads);
  const missing = folded.status === 'complete' ? NO_PROBLEMS : folded;
  const limit =
    options.overdueAfterSeconds === undefined ? 'backup.overdueAfterSeconds' : '--overdue-after';
  const message = `no object was stored since ${last.toISOString()}; the limit is ${count(allowed)} s (${limit})`;
  const overdue: Problem = { code: 'overdue', message };
  const status = folded.status === 'damaged' ? 'damaged' : 'incomplete';
  const found = {
    status,
    checked: NOTHING_CHECKED,
    ...joinProblems(boundedProblems([overdue]), missing),
  } as const;
  await writeVerdictIfChanged(deps, timestamp, 'stitch', found);
  return status;
}
