import type { Problem } from '../../../backup-set/base/verdict.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { LoadRelation, OrderOf } from '../../../backup-set/documents/restore/restore.ts';
import { isRejection } from '../../../database/session/database-error.ts';
import type { OrderResult } from '../order-result.ts';
import type { Failed } from './again.ts';

/**
 * Separates the failures that an order with `onError: continue` tolerates: the server rejected the
 * rows of one relation, or phase pre-data could not make it.
 */
export function toleratedLoads(
  { onError, content }: Pick<OrderOf<'data'>, 'onError' | 'content'>,
  absent: readonly LoadRelation[],
) {
  const tolerated = new Map<Problem, LoadRelation>();
  return {
    /** Notes a failure. @returns it. */
    note(error: unknown, failed: Failed): Failed {
      const isConflict = failed.problem.code === 'key-conflict';
      if (onError === 'continue' && isRejection(error) && !isConflict)
        tolerated.set(failed.problem, failed.relation);
      return failed;
    },
    /** @param problems of all that is not loaded at the end. */
    split(problems: readonly Problem[]): Omit<OrderResult, 'loaded'> {
      const notLoaded = problems.flatMap((problem) => tolerated.get(problem) ?? []);
      const leftOut = [
        ...absent.map((relation) => notMade(relation, content)),
        ...problems
          .filter((problem) => tolerated.has(problem))
          .map((problem): Problem => ({ ...problem, code: 'relation-not-loaded' })),
      ];
      return {
        problems: problems.filter((problem) => !tolerated.has(problem)),
        leftOut: { problems: leftOut, problemsTotal: leftOut.length },
        notLoaded: [...absent, ...notLoaded].map(({ schema, name, rows }) => ({
          schema,
          name,
          rows,
        })),
      };
    },
  };
}

function notMade({ schema, name, rows }: LoadRelation, content: number): Problem {
  const relation = { schema, name };
  const message = `${plural(rows, 'row')} of the table were not loaded: it was not made`;
  return { code: 'relation-not-loaded', content, relation, message };
}
