import type { ProblemList } from '../../backup-set/base/problems.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';

/** The result of one piece of a slice. */
export interface PieceResult extends ProblemList {
  readonly objects: number;
  readonly bytes: number;
}

/** A piece of which no object could be processed. */
export const failedPiece = (problem: Problem): PieceResult => ({
  objects: 0,
  bytes: 0,
  problems: [problem],
  problemsTotal: 1,
});
