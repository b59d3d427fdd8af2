import { encode, FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { gatherProblems } from '../../backup-set/base/problems.ts';
import { partsOfTask, type SliceWork } from '../../backup-set/base/timestamps.ts';
import { boundedProblems } from '../../backup-set/base/verdict.ts';
import { Manifest } from '../../backup-set/documents/manifest.ts';
import { parse, readPinned } from '../../backup-set/documents/pinned.ts';
import { type Piece, SliceOrder, SliceReceipt } from '../../backup-set/documents/tasks.ts';
import { type Deps, type JobResult, NOTHING_WRITTEN } from '../deps.ts';
import { readDocument } from '../stored/load.ts';
import { readPart } from '../stored/read-part.ts';
import { createOrRead } from '../stored/save.ts';
import { failedPiece, type PieceResult } from '../tasks/piece-result.ts';
import { replicatePiece } from '../tasks/replicate-piece.ts';
import { hasTaskOutcome, readManifestOf, refuseTask } from '../tasks/tasks.ts';
import { verifyPiece } from '../tasks/verify-piece.ts';

/**
 * Executes the order of one slice and writes its receipt. An interrupted slice is repeated from its
 * start: reading changes nothing, and existing copies are skipped.
 * @throws StowageError of the store: a slice that could not be read is retried, not judged.
 */
export async function runSlice(deps: Deps, task: string, slice: number): Promise<JobResult> {
  const receipt = formatKey({ kind: 'slice-receipt', task, slice });
  const raw = await readDocument(deps, formatKey({ kind: 'slice-order', task, slice }));
  if (raw === undefined || (await isThere(deps, receipt)) || (await hasTaskOutcome(deps, task)))
    return NOTHING_WRITTEN;
  const read = parse(SliceOrder, raw);
  if (!read.ok) return refuseTask(deps, task, read.failure);
  const order = read.value;
  const done = await execute(deps, order);
  const { objects, bytes } = done;
  const { created } = await createOrRead(
    deps,
    receipt,
    encode(SliceReceipt, {
      format: 'stowage/slice-receipt',
      version: FORMAT_VERSION,
      task,
      slice,
      manifestSha256: order.manifestSha256,
      objects,
      bytes,
      problems: boundedProblems(done.problems).problems,
      problemsTotal: done.problemsTotal,
    }),
  );
  return created ? { wrote: [receipt] } : NOTHING_WRITTEN;
}

async function execute(deps: Deps, order: SliceOrder): Promise<PieceResult> {
  const raw = await readManifestOf(deps, order.task);
  const { timestamp, work } = partsOfTask(order.task);
  const manifest = readPinned(Manifest, raw === undefined ? [] : [raw], {
    key: formatKey({ kind: 'manifest', timestamp }),
    pin: { sha256: order.manifestSha256, by: 'slice order' },
  });
  if (!manifest.ok) return failedPiece(manifest.failure);
  const done = { objects: 0, bytes: 0 };
  const gathered = gatherProblems();
  for (const piece of order.pieces) {
    const { objects, bytes, ...found } = await executePiece(deps, manifest.value, work, piece);
    done.objects += objects;
    done.bytes += bytes;
    gathered.addList(piece.content, found);
  }
  return { ...done, ...gathered.list() };
}

async function executePiece(
  deps: Deps,
  manifest: Manifest,
  work: SliceWork,
  piece: Piece,
): Promise<PieceResult> {
  const part = await readPart(deps, manifest, piece.content);
  if (!part.ok) return failedPiece(part.failure);
  return work === 'verify'
    ? verifyPiece(deps, manifest, part.value, piece)
    : replicatePiece(deps, part.value, piece);
}

async function isThere(deps: Deps, key: string): Promise<boolean> {
  return (await deps.store.head(key, { signal: deps.signal })) !== undefined;
}
