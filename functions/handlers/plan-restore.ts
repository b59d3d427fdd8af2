import * as z from 'zod';
import { decode, encode, type RawDocument, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { joinProblems as joinedLists } from '../../backup-set/base/problems.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import { RestorePlan, RestoreRequest } from '../../backup-set/documents/restore/restore.ts';
import type { ContentVolume } from '../../backup-set/restore/bounds.ts';
import { refusedOutcome } from '../../backup-set/restore/fold.ts';
import { restoredContents } from '../../backup-set/restore/phases.ts';
import { loadedRelations, resolveRequest, volumeIn } from '../../backup-set/restore/plan.ts';
import { checkSet } from '../check/set.ts';
import { checkUncommitted } from '../check/uncommitted.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { expiredProblem } from '../retention/marks.ts';
import { readDocument } from '../stored/load.ts';
import { hasOutcome } from '../stored/load-restore.ts';
import { createOrRead } from '../stored/save.ts';
import { writeValidationIfNew } from '../stored/write-verdict.ts';
import { advanceRestore, writeOutcome } from './advance-restore.ts';

/**
 * Called after a restore was requested. Checks the set first (promise 5), then writes the plan and
 * the orders of the first phase, or an outcome that says why the restore is refused. Any number of
 * calls, concurrent or repeated, give the same result.
 * @throws StowageError `set/unreadable` when the request names no set: an outcome needs one.
 */
export async function planRestore(deps: Deps, restore: string): Promise<JobResult> {
  const raw = await readDocument(deps, formatKey({ kind: 'restore-request', restore }));
  if (raw === undefined || (await hasOutcome(deps, restore))) return NOTHING_WRITTEN;
  const planKey = formatKey({ kind: 'restore-plan', restore });
  const planned = await deps.store.head(planKey, { signal: deps.signal });
  if (planned !== undefined) return advanceRestore(deps, restore);

  const read = readRequest(raw);
  const { timestamp } = read.ok ? read.value : read.failure;
  const refuse = (problems: readonly Problem[]) =>
    writeOutcome(deps, restore, refusedOutcome({ id: restore, timestamp }, problems));
  if (!read.ok) return refuse([read.failure.problem]);
  const request = read.value;
  // The request is stored: an expiry that has not seen it wrote its tombstone before.
  const expired = await expiredProblem(deps, timestamp);
  if (expired !== undefined) return refuse([expired]);

  const { wrote, set } = await checkForRestore(deps, request);
  if (!set.ok) return joined({ wrote }, await refuse(set.failure));
  const { manifest, manifestSha256, volumes, held } = set.value;
  const plan = resolveRequest(request, manifest, manifestSha256, volumes, held);
  if (!plan.ok) return joined({ wrote }, await refuse(plan.failure));

  const { created } = await createOrRead(deps, planKey, encode(RestorePlan, plan.value));
  if (created) deps.log.info({ restore, set: timestamp, ...plan.value.totals }, 'restore planned');
  const orders = await advanceRestore(deps, restore);
  return joined({ wrote }, { wrote: created ? [planKey] : [] }, orders);
}

/**
 * What `planRestore` would write for this request: the plan, or all reasons to refuse it. Writes
 * nothing.
 */
export async function previewRestore(
  deps: Deps,
  request: RestoreRequest,
): Promise<Result<RestorePlan, readonly Problem[]>> {
  const { set } = await checkForRestore(deps, request, () => Promise.resolve([]));
  if (!set.ok) return set;
  const { manifest, manifestSha256, volumes } = set.value;
  return resolveRequest(request, manifest, manifestSha256, volumes);
}

/** The request; or its problem, with the set that an outcome must name. */
function readRequest(
  raw: RawDocument,
): Result<RestoreRequest, { readonly timestamp: string; readonly problem: Problem }> {
  const request = parse(RestoreRequest, raw);
  if (request.ok) return request;
  const { timestamp } = decode(z.object({ timestamp: Timestamp }), raw);
  return failure({ timestamp, problem: request.failure });
}

interface CheckResult extends JobResult {
  readonly set: Result<RestorableSet, readonly Problem[]>;
}

interface RestorableSet {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  readonly volumes: readonly ContentVolume[];
  /** Chosen relations of the restored contents, when the request names contents. */
  readonly held: number | undefined;
}

async function checkForRestore(
  deps: Deps,
  request: RestoreRequest,
  write = writeValidationIfNew,
): Promise<CheckResult> {
  const { timestamp } = request;
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined)
    return { wrote: [], set: failure(await problemsWithoutManifest(deps, timestamp)) };
  const volumes: ContentVolume[] = [];
  let relevant: Problem[] = [];
  let chosen: ReturnType<typeof loadedRelations> | undefined;
  const held = new Set<number>();
  const isPart = request.contents !== undefined;
  const { manifest, documents, ...found } = await checkSet(
    deps,
    timestamp,
    raw,
    (named, part, problems) => {
      if (restoredContents(request, [part]).length === 0) return;
      chosen ??= loadedRelations(request, named);
      if (isPart)
        for (const { relation } of part.relations) if (chosen.has(relation)) held.add(relation);
      volumes.push(volumeIn(request, chosen)(part));
      relevant = relevant.concat(relevantProblems(part, chosen, problems));
    },
  );
  const wrote = await write(deps, timestamp, found);
  const refused = joinedLists(boundedProblems(relevant), documents).problems;
  if (manifest === undefined || refused.length > 0) return { wrote, set: failure(refused) };
  return {
    wrote,
    set: success({
      manifest,
      manifestSha256: sha256(raw.bytes),
      volumes,
      held: isPart ? held.size : undefined,
    }),
  };
}

async function problemsWithoutManifest(deps: Deps, timestamp: string): Promise<Problem[]> {
  const refusal = (message: string): Problem => ({ code: 'request-impossible', message });
  try {
    const { status, problems } = await checkUncommitted(deps, timestamp);
    return [
      refusal(`set ${timestamp} is ${status} (it has no manifest) and cannot be restored`),
      ...problems,
    ];
  } catch (error) {
    if (!isStowageError(error, 'set/not-found')) throw error;
    return [refusal(messageOf(error))];
  }
}

/**
 * The problems that keep this request from being restored. A damaged pack without requested rows is
 * left out, so that one table can be restored from a set that has lost another. A problem of a
 * document or receipt refuses every request, that of a metadata file every request for its content.
 */
function relevantProblems(
  { packs }: ManifestPart,
  chosen: ReadonlyMap<number, unknown>,
  problems: readonly Problem[],
): Problem[] {
  if (problems.length === 0) return [];
  const byKey = new Map(packs.map((pack) => [pack.key, pack]));
  return problems.filter(({ object = '' }) => {
    const pack = byKey.get(object);
    return pack === undefined || pack.extents.some(({ relation }) => chosen.has(relation));
  });
}

function joined(...steps: readonly JobResult[]): JobResult {
  return { wrote: steps.flatMap(({ wrote }) => wrote) };
}
