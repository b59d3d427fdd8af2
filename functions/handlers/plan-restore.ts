import * as z from 'zod';
import { decode, encode, type RawDocument, sha256 } from '../../backup-set/base/document.ts';
import { isStowageError, messageOf } from '../../backup-set/base/errors.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { joinProblems as joinedLists } from '../../backup-set/base/problems.ts';
import { failure, type Result, success } from '../../backup-set/base/result.ts';
import { Timestamp } from '../../backup-set/base/timestamps.ts';
import { boundedProblems, type Problem } from '../../backup-set/base/verdict.ts';
import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import { RestorePlan, RestoreRequest } from '../../backup-set/documents/restore.ts';
import type { ContentVolume } from '../../backup-set/restore/bounds.ts';
import { refusedOutcome } from '../../backup-set/restore/fold.ts';
import { chosenRelations, resolveRequest, volumeOf } from '../../backup-set/restore/plan.ts';
import { checkSet } from '../check/set.ts';
import { checkUncommitted } from '../check/uncommitted.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { hasOutcome } from '../stored/load-restore.ts';
import { createOrRead } from '../stored/save.ts';
import { writeVerdict } from '../stored/write-verdict.ts';
import { advanceRestore, writeOutcome } from './advance-restore.ts';

/**
 * Somebody wants data back: checks the set first (promise 5), then writes the plan and the first phase's orders, or an
 * outcome that says why nothing will be done. Any number of calls, at once or again, end in the same place.
 * @throws StowageError `set/unreadable` when the request does not even name a set, so that nobody can be answered.
 */
export async function planRestore(deps: Deps, restore: string): Promise<JobResult> {
  const raw = await readDocument(deps, formatKey({ kind: 'restore-request', restore }));
  if (raw === undefined || (await hasOutcome(deps, restore))) return NOTHING_WRITTEN;
  const planKey = formatKey({ kind: 'restore-plan', restore });
  const planned = await deps.store.head(planKey, { signal: deps.signal });
  if (planned !== undefined) return advanceRestore(deps, restore);

  const read = readRequest(raw, restore);
  const { timestamp } = read.ok ? read.value : read.failure;
  const refuse = (problems: readonly Problem[]) =>
    writeOutcome(deps, restore, refusedOutcome({ id: restore, timestamp }, problems));
  if (!read.ok) return refuse([read.failure.problem]);
  const request = read.value;

  const { wrote, set } = await proveSet(deps, request);
  if (!set.ok) return joined({ wrote }, await refuse(set.failure));
  const { manifest, manifestSha256, volumes } = set.value;
  const plan = resolveRequest(request, manifest, manifestSha256, volumes);
  if (!plan.ok) return joined({ wrote }, await refuse(plan.failure));

  const { created } = await createOrRead(deps, planKey, encode(RestorePlan, plan.value));
  if (created) deps.log.info({ restore, set: timestamp, ...plan.value.totals }, 'restore planned');
  const orders = await advanceRestore(deps, restore);
  return joined({ wrote }, { wrote: created ? [planKey] : [] }, orders);
}

/** A request that cannot be carried out is answered as long as it names its set. */
function readRequest(
  raw: RawDocument,
  restore: string,
): Result<RestoreRequest, { readonly timestamp: string; readonly problem: Problem }> {
  try {
    const request = decode(RestoreRequest, raw);
    if (request.id === restore) return success(request);
    const message = `the request names another restore, ${request.id}`;
    const problem: Problem = { code: 'documents-disagree', object: raw.key, message };
    return failure({ timestamp: request.timestamp, problem });
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    const { timestamp } = decode(z.object({ timestamp: Timestamp }), raw);
    const problem: Problem = {
      code: 'document-unreadable',
      object: raw.key,
      message: messageOf(error),
    };
    return failure({ timestamp, problem });
  }
}

interface Proven extends JobResult {
  readonly set: Result<ProvenSet, readonly Problem[]>;
}

interface ProvenSet {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  readonly volumes: readonly ContentVolume[];
}

async function proveSet(deps: Deps, request: RestoreRequest): Promise<Proven> {
  const { timestamp } = request;
  const raw = await readDocument(deps, formatKey({ kind: 'manifest', timestamp }));
  if (raw === undefined) return { wrote: [], set: failure(await whyUnproven(deps, timestamp)) };
  const volumes: ContentVolume[] = [];
  let touching: Problem[] = [];
  let chosen: ReturnType<typeof chosenRelations> | undefined;
  const { manifest, documents, ...found } = await checkSet(
    deps,
    timestamp,
    raw,
    (named, part, problems) => {
      chosen ??= chosenRelations(request, named);
      volumes.push(volumeOf(part, chosen));
      touching = touching.concat(touchingIn(part, chosen, problems));
    },
  );
  const { key } = await writeVerdict(deps, timestamp, 'validate', found);
  const refused = joinedLists(boundedProblems(touching), documents).problems;
  if (manifest === undefined || refused.length > 0) return { wrote: [key], set: failure(refused) };
  return {
    wrote: [key],
    set: success({ manifest, manifestSha256: sha256(raw.bytes), volumes }),
  };
}

async function whyUnproven(deps: Deps, timestamp: string): Promise<Problem[]> {
  const refusal = (message: string): Problem => ({ code: 'request-impossible', message });
  try {
    const { status, problems } = await checkUncommitted(deps, timestamp);
    return [refusal(`set ${timestamp} has no manifest: it is ${status}`), ...problems];
  } catch (error) {
    if (!isStowageError(error, 'set/not-found')) throw error;
    return [refusal(messageOf(error))];
  }
}

/**
 * Left out is only a pack in which nothing lies that was asked for: one table can be saved from a set that has lost
 * another. What is wrong with a document, a receipt or a metadata file concerns everybody.
 */
function touchingIn(
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
