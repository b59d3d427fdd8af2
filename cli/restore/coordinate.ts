import { DOCUMENT_BYTES_MAX, decode } from '../../backup-set/base/document.ts';
import type { Phase } from '../../backup-set/base/keys.ts';
import { formatKey, phasePrefix } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { needsCounts } from '../../backup-set/documents/restore/found.ts';
import { Outcome, RestorePlan } from '../../backup-set/documents/restore/restore.ts';
import { refusedOutcome } from '../../backup-set/restore/fold.ts';
import { contentsIn } from '../../backup-set/restore/phases.ts';
import { writeOutcome } from '../../functions/handlers/advance-restore.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { storeRestoreKeys } from '../keys/for-agents/agent-keys.ts';
import { sameIdentity } from '../keys/identity-words.ts';
import { planProblem } from '../keys/planned/planned.ts';
import { withStore } from '../open.ts';
import { isSmallRestore, ownDocuments } from '../shippers/small-restore.ts';
import { functionDeps, waitForFunctions, withoutInterruption } from '../wait-for-functions.ts';
import { lookAtTarget } from './aftermath.ts';
import { agentRestoreShippers } from './agents.ts';
import { choicesOf } from './command/choices.ts';
import { otherContents } from './command/contents.ts';
import { leavesLargeObjects } from './command/large-objects.ts';
import { countTarget } from './count.ts';
import { type DryRun, dryRun } from './dry-run/dry-run.ts';
import { hasNothingToResume } from './lacks-objects.ts';
import { leftEmpty, noteLeftEmpty } from './left-empty.ts';
import { withLockedTargets } from './locked-targets.ts';
import { noteMap } from './mapped/prepare.ts';
import { listBeside } from './objects/beside.ts';
import { noteMentions } from './objects/mentions.ts';
import { prepare } from './prepare/prepare.ts';
import type { ResumeOptions } from './prepare/resume.ts';
import { type RestoreOptions, storeRequest } from './request.ts';
import type { RestoreResult } from './result.ts';
import { functionTimedOut, type RestoreRun } from './run.ts';
import { type RestoreShippers, startRestoreShippers } from './shippers.ts';
import { requireTarget } from './target-check/require.ts';
import { volumeText } from './target-check/short.ts';
import { removeMarks, requireUnmarked } from './unfinished.ts';

/** Restores a set: request → plan → the orders of each phase in turn → outcome. */
export async function runRestore(
  given: ClusterContext,
  asked: RestoreOptions | ResumeOptions,
): Promise<RestoreResult> {
  return withStore(given, async (opened) => {
    const startedAt = given.clock();
    const { check, options, manifestSha256 } = await prepare(given, opened, asked, true);
    const { context, store, segments, request, manifest } = check;
    const empty = leftEmpty(request, manifest);
    noteLeftEmpty(context, empty);
    noteMap(context, check.mapped);
    const leaves = await leavesLargeObjects(context, store, request, manifest);
    const isSmall = isSmallRestore(context, segments, request, manifest);
    const documents = isSmall ? ownDocuments(store, request) : store;
    let usesOriginal: readonly string[] = [];
    let mapped = check.mapped;
    const outcome = await withLockedTargets(context, segments, request.id, async (locked) => {
      await requireUnmarked(locked, segments, request, { drop: options.dropUnfinished });
      const { differences } = await requireTarget({ ...check, context: locked });
      mapped &&= { ...mapped, differences };
      usesOriginal = await noteMentions({ ...check, context: locked });
      const of = { request, manifest, manifestSha256, segments, isSmall };
      const run = { context: locked, store: documents, ...of };
      const ended = await requestAndCarryOut(run, options.waitMs);
      if (hasNothingToResume(ended, request)) await removeMarks(locked, segments, request);
      return ended;
    });
    const elapsedMs = context.clock().getTime() - startedAt.getTime();
    const left = {
      choices: choicesOf(request),
      mode: request.mode,
      into: request.into,
      leftEmpty: empty,
      leavesLargeObjects: leaves,
      usesOriginal,
      mapped,
      ...otherContents(request, manifest),
    };
    const identity = sameIdentity(context);
    const result = { id: request.id, outcome, ...left, elapsedMs, identity };
    if (outcome.status !== 'failed') return result;
    const aftermath = await lookAtTarget(context, segments, request, outcome.problems);
    return { ...result, aftermath };
  });
}

/** Looks at set and target as `runRestore` does first. Changes nothing. */
export function runDryRun(
  given: ClusterContext,
  asked: RestoreOptions | ResumeOptions,
): Promise<DryRun> {
  return withStore(given, async (opened) => {
    const { check, options } = await prepare(given, opened, asked, false);
    return dryRun(check, options.dropUnfinished);
  });
}

async function requestAndCarryOut(
  requested: Omit<RestoreRun, 'plan'>,
  waitMs: number,
): Promise<Outcome> {
  const { context, store, request } = requested;
  const { id, timestamp, resumes } = request;
  await storeRestoreKeys(requested);
  const key = await storeRequest(store, request, context.signal);
  context.output.note(
    'request',
    { id },
    `${resumes === undefined ? 'restoring' : `resuming restore ${resumes} of`} set ${timestamp} from ${store.url} (restore id: ${id})`,
  );
  const planKey = formatKey({ kind: 'restore-plan', restore: id });
  const isDone = () => isThere(store, planKey);
  await step(context, store, [key], { id, what: 'the plan', waitMs, isDone });
  return (await readOutcome(store, id)) ?? (await carryOutPlan(requested, waitMs));
}

async function carryOutPlan(requested: Omit<RestoreRun, 'plan'>, waitMs: number): Promise<Outcome> {
  const { context, store, request } = requested;
  const { id } = request;
  const plan = await readPlan(store, id);
  if (plan === undefined)
    throw functionTimedOut(requested, 'plan.json', waitMs, 'The target was not changed');
  const run: RestoreRun = { ...requested, plan };
  const problem = planProblem(run);
  if (problem !== undefined) return refused(requested, problem);
  const { totals, contents } = plan;
  context.output.note('plan', { totals, contents }, `restoring ${volumeText(totals)}`);
  const startShippers =
    context.config.shippers.start === 'agents' ? agentRestoreShippers : startRestoreShippers;
  const shippers = startShippers(run);
  try {
    for (const phase of plan.phases) {
      await waitForOrders(run, phase, waitMs);
      const receipts = await shippers.carryOut(phase);
      const next = nextOf(plan, phase);
      const isDone = async () =>
        next === undefined ? needsCounts(plan) : (await countOrders(store, id, next)) > 0;
      const what = next === undefined ? 'the outcome' : `the orders of phase ${next}`;
      await step(context, store, receipts, { id, what, waitMs, isDone });
      const outcome = await readOutcome(store, id);
      // `restored` before this process has counted rests on counts that it did not store.
      if (outcome !== undefined && !(needsCounts(plan) && outcome.status === 'restored'))
        return await finishShippers(run, shippers, outcome);
    }
    if (needsCounts(plan)) {
      const isDone = () => Promise.resolve(false);
      const counts = [await countTarget(run)];
      await step(context, store, counts, { id, what: 'the outcome', waitMs, isDone });
      const outcome = await readOutcome(store, id);
      if (outcome !== undefined) return await finishShippers(run, shippers, outcome);
    }
    throw functionTimedOut(run, 'outcome.json', waitMs);
  } finally {
    await shippers.abort();
  }
}

/** Ends the restore before a shipper starts. @returns the outcome that counts. */
async function refused(
  { context, store, request }: Omit<RestoreRun, 'plan'>,
  problem: Problem,
): Promise<Outcome> {
  const outcome = refusedOutcome(request, [problem]);
  const deps = withoutInterruption(functionDeps(context, store));
  await writeOutcome(deps, request.id, outcome);
  return (await readOutcome(store, request.id)) ?? outcome;
}

async function finishShippers(
  run: RestoreRun,
  shippers: RestoreShippers,
  outcome: Outcome,
): Promise<Outcome> {
  if (outcome.status === 'restored') await listBeside(run, outcome);
  await shippers.finish();
  return outcome;
}

interface RestoreStep {
  readonly id: string;
  readonly what: string;
  readonly waitMs: number;
  readonly isDone: () => Promise<boolean>;
}

/** Waits for one step of the functions: until the outcome is stored, or `isDone` holds. */
async function step(
  context: ClusterContext,
  store: ObjectStore,
  keys: readonly string[],
  { id, what, waitMs, isDone }: RestoreStep,
): Promise<void> {
  // An interrupted restore still gets its outcome.
  const deps = withoutInterruption(functionDeps(context, store));
  const outcome = formatKey({ kind: 'outcome', restore: id });
  await waitForFunctions(context, deps, {
    keys,
    what: `${what} of restore ${id}`,
    isDone: async () => (await isThere(store, outcome)) || (await isDone()),
    waitMs,
  });
}

async function isThere(store: ObjectStore, key: string): Promise<boolean> {
  return (await store.head(key)) !== undefined;
}

async function waitForOrders(run: RestoreRun, phase: Phase, waitMs: number): Promise<void> {
  const { context, store, plan } = run;
  const holds = async () =>
    (await countOrders(store, plan.id, phase)) === contentsIn(phase, plan).length;
  if (await holds()) return;
  const what = `the orders of phase ${phase} of restore ${plan.id}`;
  const deps = functionDeps(context, store);
  if (!(await waitForFunctions(context, deps, { keys: [], what, isDone: holds, waitMs })))
    throw functionTimedOut(run, `the orders of phase ${phase}`, waitMs);
}

async function countOrders(store: ObjectStore, id: string, phase: Phase): Promise<number> {
  let found = 0;
  for await (const _ of store.list(phasePrefix(id, 'orders', phase))) found++;
  return found;
}

async function readOutcome(store: ObjectStore, restore: string): Promise<Outcome | undefined> {
  const key = formatKey({ kind: 'outcome', restore });
  if ((await store.head(key)) === undefined) return undefined;
  return decode(Outcome, { key, bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }) });
}

async function readPlan(store: ObjectStore, restore: string): Promise<RestorePlan | undefined> {
  const key = formatKey({ kind: 'restore-plan', restore });
  if ((await store.head(key)) === undefined) return undefined;
  return decode(RestorePlan, {
    key,
    bytes: await store.read(key, { bytesMax: DOCUMENT_BYTES_MAX }),
  });
}

function nextOf(plan: RestorePlan, phase: Phase): Phase | undefined {
  return plan.phases[plan.phases.indexOf(phase) + 1];
}
