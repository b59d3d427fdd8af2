import type { Problem } from '../../../backup-set/base/verdict.ts';
import type { LoadRelation } from '../../../backup-set/documents/restore/restore.ts';
import { sqlStateOf } from '../../../database/session/database-error.ts';
import type { Progress } from '../../deps.ts';
import { keyConflict } from '../key-conflict.ts';
import { problemOf } from '../order-result.ts';

/** A relation that could not be loaded. */
export interface Failed {
  readonly relation: LoadRelation;
  readonly problem: Problem;
  /** The target has rejected rows; they may pass once the other relations are loaded. */
  readonly isRejected: boolean;
  /** The relation is a partition, and a row of it belongs to another one here. */
  readonly isMisplaced: boolean;
}

export function failedLoad(
  error: unknown,
  content: number,
  relation: LoadRelation,
  sources?: readonly number[],
): Failed {
  const conflict = keyConflict(error, { content, sources }, relation);
  return {
    relation,
    problem: conflict ?? problemOf(error, content, relation),
    isRejected: mayPassLater(error, relation),
    isMisplaced: isMisplaced(error),
  };
}

/** One or several rejected relations that are loaded together. */
export interface Retry {
  readonly name: string;
  /** Resolves with what has failed again. */
  load(): Promise<readonly Failed[]>;
}

/**
 * Errors of a CHECK, of a domain, or of a function that one of them calls. A function may read
 * another table, which then was not loaded yet: 23514 check_violation, and the classes of errors in
 * data (22, 21, 02) and in functions (P0, 2F, 38, 39).
 */
const REJECTED = /^(23514|02|21|22|2F|38|39|P0)/;

function mayPassLater(error: unknown, { onSegment }: LoadRelation): boolean {
  // The shippers of the segments feed the rows of a relation once.
  return onSegment !== true && REJECTED.test(sqlStateOf(error) ?? '');
}

/** The bounds of a partition are a constraint without a name. */
function isMisplaced(error: unknown): boolean {
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    if ('severity' in at && 'code' in at && at.code === '23514')
      return 'table' in at && at.table !== undefined && !('constraint' in at && at.constraint);
  return false;
}

/**
 * Loads what was rejected one by one, in the order of the names, as pg_restore does. It begins
 * again while a pass has loaded something, so there are at most as many passes as retries.
 * @returns the problems of what stays rejected.
 */
export async function loadAgain(retries: readonly Retry[]): Promise<readonly Problem[]> {
  let left = retries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (;;) {
    const failed: Failed[] = [];
    const still: Retry[] = [];
    for (const retry of left) {
      const again = await retry.load();
      failed.push(...again);
      if (again.length > 0) still.push(retry);
    }
    if (still.length === 0 || still.length === left.length)
      return failed.map(({ problem }) => problem);
    left = still;
  }
}

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
