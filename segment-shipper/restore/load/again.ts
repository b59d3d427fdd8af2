import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { LoadRelation } from '../../../backup-set/documents/restore.ts';
import { sqlStateOf } from '../../../database/session/database-error.ts';
import type { Progress } from '../../deps.ts';

/** A relation whose rows the target has rejected, and the problem if they stay rejected. */
export interface Rejected {
  readonly relation: LoadRelation;
  readonly problem: Problem;
}

/**
 * Errors of a CHECK, of a domain, or of a function that one of them calls. A function may read
 * another table, which then was not loaded yet: 23514 check_violation, and the classes of errors in
 * data (22, 21, 02) and in functions (P0, 2F, 38, 39).
 */
const REJECTED = /^(23514|02|21|22|2F|38|39|P0)/;

/** Whether the rows may pass once the other relations are loaded. */
export function mayPassLater(error: unknown, { onSegment }: LoadRelation): boolean {
  // The shippers of the segments feed the rows of a relation once.
  return onSegment !== true && REJECTED.test(sqlStateOf(error) ?? '');
}

/**
 * Loads rejected relations one by one, in the order of their names, as pg_restore does. It begins
 * again while a pass has loaded one of them, so there are at most as many passes as relations.
 * @param load resolves with the problem when the relation fails again.
 * @returns the problems of those that stay rejected.
 */
export async function loadAgain(
  rejected: readonly Rejected[],
  load: (relation: LoadRelation) => Promise<Problem | undefined>,
): Promise<Problem[]> {
  let left = rejected.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  for (;;) {
    const still: Rejected[] = [];
    for (const { relation } of left) {
      const problem = await load(relation);
      if (problem !== undefined) still.push({ relation, problem });
    }
    if (still.length === 0 || still.length === left.length)
      return still.map(({ problem }) => problem);
    left = still;
  }
}

const nameOf = ({ relation: { schema, name } }: Rejected) => JSON.stringify([name, schema]);

/** The progress of one attempt: it adds the bytes that no attempt before has added. */
export function countOnce(progress: Progress, attempts: { bytesMax: number }): Progress {
  let bytes = 0;
  return {
    ...progress,
    get bytes() {
      return bytes;
    },
    set bytes(value) {
      bytes = value;
      progress.bytes += Math.max(0, bytes - attempts.bytesMax);
      attempts.bytesMax = Math.max(bytes, attempts.bytesMax);
    },
  };
}
