import * as z from 'zod';
import { Content, Count, header, IsoDate, Sha256 } from '../base/document.ts';
import { TaskId } from '../base/timestamps.ts';
import { Problems, SetStatus } from '../base/verdict.ts';
import type { Manifest, ManifestPart } from './manifest.ts';

const SliceNumber = Count.max(999_999);

/** tasks/<task>/request.json: somebody wants the work done. Where a copy goes to is no field: functions are configured with it. */
export const TaskRequest = z.object({
  ...header('task-request'),
  task: TaskId,
  requestedAt: IsoDate,
});
export type TaskRequest = z.infer<typeof TaskRequest>;

/** tasks/<task>/plan.json: how many orders there are, and of what. */
export const TaskPlan = z.object({
  ...header('task-plan'),
  task: TaskId,
  manifestSha256: Sha256,
  slices: Count.min(1).max(1_000_000),
  objects: Count,
  bytes: Count,
});
export type TaskPlan = z.infer<typeof TaskPlan>;

/** Objects `from` to `to` (exclusive) of a content, in the order of `objectsOf`. */
const Piece = z.object({ content: Content, from: Count, to: Count });

/** tasks/<task>/orders/<n>.json: the share of one function. */
export const SliceOrder = z.object({
  ...header('slice-order'),
  task: TaskId,
  slice: SliceNumber,
  manifestSha256: Sha256,
  pieces: z.array(Piece).min(1),
});
export type SliceOrder = z.infer<typeof SliceOrder>;

/** tasks/<task>/receipts/<n>.json: what one function found or did. */
export const SliceReceipt = z.object({
  ...header('slice-receipt'),
  task: TaskId,
  slice: SliceNumber,
  manifestSha256: Sha256,
  objects: Count,
  bytes: Count,
  ...Problems,
});
export type SliceReceipt = z.infer<typeof SliceReceipt>;

/** tasks/<task>/outcome.json: how the task ended. `verdict` is its key, under the root it was given for. */
export const TaskOutcome = z.object({
  ...header('task-outcome'),
  task: TaskId,
  at: IsoDate,
  status: SetStatus,
  /** The root that holds the verdict: this one, or the one copied to. */
  root: z.string(),
  verdict: z.string().exactOptional(),
  objects: Count,
  bytes: Count,
  ...Problems,
});
export type TaskOutcome = z.infer<typeof TaskOutcome>;

/** How much one function is given. An object is never cut, so a slice may hold one that is larger. */
export interface SliceLimits {
  readonly bytes: number;
  readonly extents: number;
  readonly objects: number;
  /** Each costs the reading of one part. */
  readonly contents: number;
}

/**
 * At the 80 MB/s that a function of one core reads and decompresses, 8 GB take 2 of the 15 minutes that it may run. The
 * objects of a slice are small when they are many: 5,000 at 50 ms, four at a time, take one minute.
 */
export const SLICE_LIMITS: SliceLimits = {
  bytes: 8e9,
  extents: 50_000,
  objects: 5_000,
  contents: 100,
};

export type Piece = z.infer<typeof Piece>;

/** A piece, and what weighs in it. */
export interface Weighed extends Piece {
  readonly bytes: number;
  readonly extents: number;
}

type Totals = Pick<Manifest['contents'][number]['totals'], 'storedBytes' | 'extents' | 'objects'>;

/** True when a content is too much for one function, so that its part must be read to cut it. */
export function needsSlicing(totals: Totals, limits = SLICE_LIMITS): boolean {
  return (
    totals.storedBytes > limits.bytes ||
    totals.extents > limits.extents ||
    totals.objects > limits.objects
  );
}

/** A content that one function can do. */
export function wholeContent({ content, totals }: Manifest['contents'][number]): Weighed {
  return {
    content,
    from: 0,
    to: totals.objects,
    bytes: totals.storedBytes,
    extents: totals.extents,
  };
}

/** A content in pieces within the limits. */
export function* cutContent(
  { content, metadata, packs }: ManifestPart,
  limits = SLICE_LIMITS,
): Generator<Weighed> {
  const weights = [
    ...metadata.map(({ bytes }) => ({ bytes, extents: 0 })),
    ...packs.map(({ bytes, extents }) => ({ bytes, extents: extents.length })),
  ];
  let piece: Weighed | undefined;
  for (const [at, weight] of weights.entries()) {
    const longer = piece && extended(piece, at + 1, weight);
    if (piece !== undefined && longer !== undefined && !fits([longer], limits)) {
      yield piece;
      piece = undefined;
    }
    piece = piece === undefined ? { content, from: at, to: at + 1, ...weight } : longer;
  }
  if (piece !== undefined) yield piece;
}

const extended = (
  piece: Weighed,
  to: number,
  { bytes, extents }: { bytes: number; extents: number },
): Weighed => ({
  ...piece,
  to,
  bytes: piece.bytes + bytes,
  extents: piece.extents + extents,
});

/** Puts pieces together, in their order, as long as one function can do them. */
export function* gatherSlices(
  pieces: Iterable<Weighed>,
  limits = SLICE_LIMITS,
): Generator<Weighed[]> {
  let slice: Weighed[] = [];
  for (const piece of pieces) {
    if (slice.length > 0 && !fits([...slice, piece], limits)) {
      yield slice;
      slice = [];
    }
    slice.push(piece);
  }
  if (slice.length > 0) yield slice;
}

function fits(pieces: readonly Weighed[], limits: SliceLimits): boolean {
  const sum = (of: (piece: Weighed) => number) =>
    pieces.reduce((total, piece) => total + of(piece), 0);
  return (
    sum(({ bytes }) => bytes) <= limits.bytes &&
    sum(({ extents }) => extents) <= limits.extents &&
    sum(({ from, to }) => to - from) <= limits.objects &&
    new Set(pieces.map(({ content }) => content)).size <= limits.contents
  );
}
