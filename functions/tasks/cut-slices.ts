import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import type { Piece } from '../../backup-set/documents/tasks.ts';

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

/** A piece, and what weighs in it. */
export interface WeighedPiece extends Piece {
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
export function wholeContent({ content, totals }: Manifest['contents'][number]): WeighedPiece {
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
): Generator<WeighedPiece> {
  const weights = [
    ...metadata.map(({ bytes }) => ({ bytes, extents: 0 })),
    ...packs.map(({ bytes, extents }) => ({ bytes, extents: extents.length })),
  ];
  let piece: WeighedPiece | undefined;
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
  piece: WeighedPiece,
  to: number,
  { bytes, extents }: { bytes: number; extents: number },
): WeighedPiece => ({
  ...piece,
  to,
  bytes: piece.bytes + bytes,
  extents: piece.extents + extents,
});

/** Puts pieces together, in their order, as long as one function can do them. */
export function* gatherSlices(
  pieces: Iterable<WeighedPiece>,
  limits = SLICE_LIMITS,
): Generator<WeighedPiece[]> {
  let slice: WeighedPiece[] = [];
  for (const piece of pieces) {
    if (slice.length > 0 && !fits([...slice, piece], limits)) {
      yield slice;
      slice = [];
    }
    slice.push(piece);
  }
  if (slice.length > 0) yield slice;
}

function fits(pieces: readonly WeighedPiece[], limits: SliceLimits): boolean {
  const sum = (of: (piece: WeighedPiece) => number) =>
    pieces.reduce((total, piece) => total + of(piece), 0);
  return (
    sum(({ bytes }) => bytes) <= limits.bytes &&
    sum(({ extents }) => extents) <= limits.extents &&
    sum(({ from, to }) => to - from) <= limits.objects &&
    new Set(pieces.map(({ content }) => content)).size <= limits.contents
  );
}
