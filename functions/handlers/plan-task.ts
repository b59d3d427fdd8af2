import { mapInFlight } from '../../async/each-in-flight.ts';
import {
  encode,
  FORMAT_VERSION,
  type RawDocument,
  sha256,
} from '../../backup-set/base/document.ts';
import { formatKey, taskPrefix } from '../../backup-set/base/keys.ts';
import { type Result, success } from '../../backup-set/base/result.ts';
import { partsOfTask } from '../../backup-set/base/timestamps.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { parse } from '../../backup-set/documents/pinned.ts';
import { SliceOrder, TaskPlan, TaskRequest } from '../../backup-set/documents/tasks.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { expiredProblem } from '../retention/marks.ts';
import { listKeys, readDocument } from '../stored/load.ts';
import { readPart } from '../stored/read-part.ts';
import { createSame } from '../stored/save.ts';
import {
  cutContent,
  gatherSlices,
  needsSlicing,
  type WeighedPiece,
  wholeContent,
} from '../tasks/cut-slices.ts';
import { hasTaskOutcome, readManifestOf, refuseTask } from '../tasks/tasks.ts';

const WRITES_IN_FLIGHT = 16;

/**
 * Called after a verification or copy of a set was requested. Cuts the set into slices and writes
 * an order for each. Everything follows from the manifest, so any number of calls, concurrent or
 * after a crash, write the same.
 */
export async function planTask(deps: Deps, task: string): Promise<JobResult> {
  const raw = await readDocument(deps, formatKey({ kind: 'task-request', task }));
  if (raw === undefined || (await hasTaskOutcome(deps, task))) return NOTHING_WRITTEN;
  const request = parse(TaskRequest, raw);
  if (!request.ok) return refuseTask(deps, task, request.failure);
  // A task that was planned goes on: expiry waits for it.
  const planned = await deps.store.head(formatKey({ kind: 'task-plan', task }));
  const expired =
    planned === undefined ? await expiredProblem(deps, partsOfTask(task).timestamp) : undefined;
  if (expired !== undefined) return refuseTask(deps, task, expired);
  const manifest = await readManifestOf(deps, task);
  if (manifest === undefined)
    return refuseTask(deps, task, {
      code: 'object-missing',
      object: raw.key,
      message: 'the set of this task has no manifest',
    });
  const slices = await cutSet(deps, manifest);
  if (!slices.ok) return refuseTask(deps, task, slices.failure);
  return writeOrders(deps, task, slices.value, sha256(manifest.bytes));
}

async function cutSet(deps: Deps, raw: RawDocument): Promise<Result<WeighedPiece[][], Problem>> {
  const manifest = parse(Manifest, raw);
  if (!manifest.ok) return manifest;
  const pieces: WeighedPiece[] = [];
  for (const content of manifest.value.contents) {
    if (!needsSlicing(content.totals, deps.sliceLimits)) {
      pieces.push(wholeContent(content));
      continue;
    }
    const part = await readPart(deps, manifest.value, content.content);
    if (!part.ok) return part;
    pieces.push(...cutContent(part.value, deps.sliceLimits));
  }
  return success([...gatherSlices(pieces, deps.sliceLimits)]);
}

/** Writes the plan first: it says how many receipts advance-task must wait for. */
async function writeOrders(
  deps: Deps,
  task: string,
  slices: readonly WeighedPiece[][],
  manifestSha256: string,
): Promise<JobResult> {
  const sum = (of: (piece: WeighedPiece) => number) =>
    slices.flat().reduce((total, piece) => total + of(piece), 0);
  const plan: TaskPlan = {
    format: 'stowage/task-plan',
    version: FORMAT_VERSION,
    task,
    manifestSha256,
    slices: slices.length,
    objects: sum(({ from, to }) => to - from),
    bytes: sum(({ bytes }) => bytes),
  };
  await createSame(deps, formatKey({ kind: 'task-plan', task }), encode(TaskPlan, plan));
  const written = new Set(
    (await listKeys(deps, taskPrefix(task, 'orders'), ['slice-order'])).map(({ key }) => key),
  );
  const wrote = await mapInFlight(slices.entries(), WRITES_IN_FLIGHT, async ([slice, pieces]) => {
    const key = formatKey({ kind: 'slice-order', task, slice });
    if (written.has(key)) return [];
    const order: SliceOrder = {
      format: 'stowage/slice-order',
      version: FORMAT_VERSION,
      task,
      slice,
      manifestSha256,
      pieces: pieces.map(({ content, from, to }) => ({ content, from, to })),
    };
    return (await createSame(deps, key, encode(SliceOrder, order))) ? [key] : [];
  });
  const keys = wrote.flat();
  if (keys.length > 0)
    deps.log.info({ task, slices: slices.length, bytes: plan.bytes }, 'task planned');
  return { wrote: keys };
}
