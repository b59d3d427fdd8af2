export interface Piece {
  readonly key: string;
  readonly offset: number;
  readonly length: number;
}

/** Pieces of one object, in order of offset, that one request reads. */
export interface Run<P extends Piece> extends Piece {
  readonly parts: readonly P[];
}

interface RunLimits<P> {
  /** Bytes that a request reads; a single piece may have more. */
  readonly lengthMax: number;
  /** Limit for the sum of `sizeOf` over the pieces of a run; a single piece may have more. */
  readonly sizeMax?: number;
  readonly sizeOf?: (piece: P) => number;
  /** Whether a piece needs its own request. */
  readonly isAlone?: (piece: P) => boolean;
}

/** Gaps between wanted pieces are read along, up to this share of the wanted bytes. */
const GAPS_MAX = 0.05;

/**
 * Groups pieces that follow each other in one object into single requests, in the order given, each
 * piece once. Small gaps are read along, so that a few selected tables out of a thousand do not
 * cost a request each.
 */
export function runsOf<P extends Piece>(pieces: readonly P[], limits: RunLimits<P>): Run<P>[] {
  const {
    lengthMax,
    sizeMax = Number.POSITIVE_INFINITY,
    sizeOf = () => 0,
    isAlone = () => false,
  } = limits;
  const runs: { key: string; offset: number; length: number; parts: P[] }[] = [];
  let wanted = 0;
  let size = 0;
  let alone = false;
  for (const piece of pieces) {
    const { key, offset, length } = piece;
    const run = runs.at(-1);
    const end = run === undefined ? 0 : run.offset + run.length;
    const joins =
      run?.key === key &&
      offset >= end &&
      !alone &&
      !isAlone(piece) &&
      offset + length - run.offset <= lengthMax &&
      offset + length - run.offset <= (wanted + length) * (1 + GAPS_MAX) &&
      size + sizeOf(piece) <= sizeMax;
    if (joins) {
      run.parts.push(piece);
      run.length = offset + length - run.offset;
      wanted += length;
      size += sizeOf(piece);
    } else {
      runs.push({ key, offset, length, parts: [piece] });
      wanted = length;
      size = sizeOf(piece);
      alone = isAlone(piece);
    }
  }
  return runs;
}
