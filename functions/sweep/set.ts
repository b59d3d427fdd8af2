import {
  formatKey,
  receiptsPrefix,
  sealPartsPrefix,
  setPrefix,
} from '../../backup-set/base/keys.ts';
import { joinProblems, NO_PROBLEMS } from '../../backup-set/base/problems.ts';
import { boundedProblems, type Problem, type Verdict } from '../../backup-set/base/verdict.ts';
import type { Deps } from '../deps.ts';
import { stitch } from '../handlers/stitch.ts';
import { validate } from '../handlers/validate.ts';
import { currentVerdict } from '../stored/current-verdict.ts';
import { foldHeads, loadHeads } from '../stored/fold.ts';
import { newestVerdict, verdictKeys, verdictLevel } from '../stored/load.ts';
import { isOverdue, lastArrival, overdueLimitSeconds } from '../stored/overdue.ts';
import { NOTHING_CHECKED, writeVerdictIfChanged } from '../stored/write-verdict.ts';
import type { SetStatus, SweepOptions, SweepReport } from './report.ts';

/** Clocks of store and functions may differ by this much: a verdict that young may not have seen the last receipt. */
const CLOCK_SKEW_MS = 5 * 60_000;
/** Problems that name an object because it was not there. */
const MISSES: ReadonlySet<Problem['code']> = new Set([
  'receipt-missing',
  'content-missing',
  'object-missing',
]);
/** Of a set that lacks thousands, all must come before it is complete: these tell as much as all would. */
const MISSED_LOOKED_FOR_MAX = 16;

/** Looks at one set and does what no event has caused. `over`: nothing can change its status any more. */
export async function sweepSet(
  deps: Deps,
  timestamp: string,
  options: SweepOptions,
  report: SweepReport,
): Promise<{ readonly status: SetStatus; readonly over: boolean }> {
  const verdicts = await verdictKeys(deps, timestamp);
  const manifest = await deps.store.head(formatKey({ kind: 'manifest', timestamp }), {
    signal: deps.signal,
  });
  // Only a committed set is ever given a written `validate` verdict, so that one means it was done.
  if (manifest !== undefined && verdicts.some((key) => verdictLevel(key) === 'validate'))
    return { status: await statusOfCommitted(deps, timestamp, verdicts), over: true };
  const status =
    manifest === undefined ? await commit(deps, timestamp, verdicts, options, report) : 'complete';
  if (status !== 'complete') return { status, over: false };
  const { verdict } = await validate(deps, timestamp);
  report.validated.push(timestamp);
  return { status: verdict.status, over: true };
}

async function statusOfCommitted(
  deps: Deps,
  timestamp: string,
  verdicts: readonly string[],
): Promise<SetStatus> {
  const word = await currentVerdict(deps, timestamp, verdicts);
  return word?.status === 'damaged' ? 'damaged' : 'complete';
}

/** @returns `complete` when the set has its manifest now. */
async function commit(
  deps: Deps,
  timestamp: string,
  verdicts: readonly string[],
  options: SweepOptions,
  report: SweepReport,
): Promise<SetStatus> {
  const seal = await deps.store.head(formatKey({ kind: 'seal', timestamp }), {
    signal: deps.signal,
  });
  if (seal === undefined) {
    const called = await callOverdue(deps, timestamp, options);
    if (called !== undefined) report.overdue.push(timestamp);
    return called ?? 'open';
  }
  const judged = await finalVerdict(deps, timestamp, verdicts, seal.modifiedAt);
  if (judged !== undefined) return judged.status;
  const { status } = await stitch(deps, timestamp);
  if (status === 'complete') report.committed.push(timestamp);
  return status;
}

/** The verdict that knows the seal, when nothing has come since that could change it. */
async function finalVerdict(
  deps: Deps,
  timestamp: string,
  verdicts: readonly string[],
  sealedAt: Date,
): Promise<Verdict | undefined> {
  if (!verdicts.some((key) => verdictLevel(key) === 'stitch')) return undefined;
  const verdict = await newestVerdict(deps, timestamp, 'stitch');
  // `overdue` was said of an unsealed set, by whatever clock.
  if (verdict === undefined || verdict.problems.some(({ code }) => code === 'overdue'))
    return undefined;
  const named = [receiptsPrefix(timestamp), sealPartsPrefix(timestamp)];
  const arrived = await Promise.all(named.map((prefix) => lastArrival(deps, prefix)));
  const newest = Math.max(
    ...[sealedAt, ...arrived.filter((at) => at !== undefined)].map((at) => at.getTime()),
  );
  if (newest + CLOCK_SKEW_MS >= new Date(verdict.at).getTime()) return undefined;
  return (await hasCome(deps, verdict)) ? undefined : verdict;
}

/**
 * True when something is there now that a verdict missed. Its time does not tell: a replication, or `cp -a`, keeps the
 * time at which an object was first written, which can lie long before the verdict.
 */
async function hasCome(deps: Deps, { problems }: Verdict): Promise<boolean> {
  const missed = problems.filter(({ code, object }) => object !== undefined && MISSES.has(code));
  for (const { object = '' } of missed.slice(0, MISSED_LOOKED_FOR_MAX)) {
    if ((await deps.store.head(object, { signal: deps.signal })) !== undefined) return true;
  }
  return false;
}

/** Writes what is missing when nothing has moved in an unsealed set for longer than its plan allows. */
async function callOverdue(
  deps: Deps,
  timestamp: string,
  options: SweepOptions,
): Promise<Verdict['status'] | undefined> {
  const last = await lastArrival(deps, setPrefix(timestamp));
  const allowed = await overdueLimitSeconds(deps, timestamp, options.overdueAfterSeconds);
  if (last === undefined || !isOverdue(deps, last, allowed)) return undefined;
  const heads = await loadHeads(deps, timestamp);
  // Sealed in this very moment: the event, or the next sweep, will judge it by its documents.
  if (heads.seal !== undefined) return undefined;
  const folded = await foldHeads(deps, timestamp, heads);
  const missing = folded.status === 'complete' ? NO_PROBLEMS : folded;
  const message = `nothing has arrived since ${last.toISOString()}; the limit is ${allowed} s without a new object`;
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
