/** A piece of an object. */
export interface Piece {
  readonly key: string;
  readonly offset: number;
  readonly length: number;
}

/** Pieces of one object that one request reads, in the order in which they lie there. */
export interface Run<P extends Piece> extends Piece {
  readonly parts: readonly P[];
}

interface RunLimits<P> {
  /** Of what a request reads, in bytes; one piece alone may have more. */
  readonly lengthMax: number;
  /** Of what `sizeOf` says of the pieces together; one piece alone may have more. */
  readonly sizeMax?: number;
  readonly sizeOf?: (piece: P) => number;
  /** A piece that shares its request with no other. */
  readonly isAlone?: (piece: P) => boolean;
}

/** What lies between wanted pieces is read along up to this share of them: 1.05 bytes for each that is wanted. */
const GAPS_MAX = 0.05;

/**
 * Groups pieces that follow each other in one object into single requests. What is wanted is read in the order given, each
 * piece once; small gaps are read along, so that a few chosen tables of a thousand do not cost a request each.
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
