import type { Manifest, ManifestPart } from '../../backup-set/documents/manifest.ts';
import type { Piece } from '../../backup-set/documents/tasks.ts';

/** Bounds of a slice. Objects are not cut: a slice with a single object may exceed them. */
export interface SliceLimits {
  readonly bytes: number;
  readonly extents: number;
  readonly objects: number;
  /** Each content costs one read of a part of the manifest. */
  readonly contents: number;
}

/**
 * A function with one core reads and decompresses 80 MB/s: 8 GB take 2 of its 15 minutes. If a
 * slice has many objects, they are small: 5,000 of 50 ms each, four at a time, take one minute.
 */
export const SLICE_LIMITS: SliceLimits = {
  bytes: 8e9,
  extents: 50_000,
  objects: 5_000,
  contents: 100,
};

/** A piece and its size. */
export interface WeighedPiece extends Piece {
  readonly bytes: number;
  readonly extents: number;
}

type Totals = Pick<Manifest['contents'][number]['totals'], 'storedBytes' | 'extents' | 'objects'>;

/** True if a content exceeds the limits, so that its part of the manifest is needed to cut it. */
export function needsSlicing(totals: Totals, limits = SLICE_LIMITS): boolean {
  return (
    totals.storedBytes > limits.bytes ||
    totals.extents > limits.extents ||
    totals.objects > limits.objects
  );
}

/** The piece of a content that fits into one slice. */
export function wholeContent({ content, totals }: Manifest['contents'][number]): WeighedPiece {
  return {
    content,
    from: 0,
    to: totals.objects,
    bytes: totals.storedBytes,
    extents: totals.extents,
  };
}

/** Cuts a content into pieces within the limits. */
export function* cutContent(
  { content, metadata, packs, files = [] }: ManifestPart,
  limits = SLICE_LIMITS,
): Generator<WeighedPiece> {
  const weights = [
    ...metadata.map(({ bytes }) => ({ bytes, extents: 0 })),
    ...packs.map(({ bytes, extents }) => ({ bytes, extents: extents.length })),
    ...files.map(({ bytes }) => ({ bytes, extents: 0 })),
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

/** Joins pieces, in their order, into slices within the limits. */
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
