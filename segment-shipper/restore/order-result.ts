import { asStowageError, StowageError } from '../../backup-set/base/errors.ts';
import type { ProblemList } from '../../backup-set/base/problems.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { causedBy, type Problem } from '../../backup-set/base/verdict.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { RestoreReceipt } from '../../backup-set/documents/restore/restore.ts';
import { COORDINATOR } from '../../backup-set/restore/phases.ts';

/** What one order has done. The order succeeded when there are no problems. */
export interface OrderResult {
  readonly loaded: RestoreReceipt['relations'];
  readonly problems: readonly Problem[];
  /** What was not made or loaded, although the order went on. */
  readonly leftOut?: ProblemList;
  readonly notLoaded?: RestoreReceipt['relations'];
  /** Roles of the globals that existed before. */
  readonly rolesKept?: readonly string[];
}

/** A failure in the form in which a restore receipt lists it. */
export function problemOf(error: unknown, content: number, relation?: QualifiedName): Problem {
  const failure = asStowageError(error);
  const { code, where } = failure;
  return {
    code:
      code === 'restore/refused'
        ? 'target-refused'
        : code === 'set/damaged'
          ? 'digest-differs'
          : 'order-failed',
    ...causedBy(failure),
    content: placeOf(failure, content),
    ...(relation && { relation: { schema: relation.schema, name: relation.name } }),
    ...(where.object !== undefined && { object: where.object }),
    ...(where.offset !== undefined && { offset: where.offset }),
  };
}

/** Greenplum's coordinator carries out orders of its own, and names the segment that failed. */
function placeOf({ code, where }: StowageError, content: number): number {
  return content === COORDINATOR && code.startsWith('database/')
    ? (where.content ?? content)
    : content;
}

/** Rows are committed only after this check. @throws StowageError `database/count`. */
export function requireCount(relation: string, counted: number, wanted: number): void {
  if (counted === wanted) return;
  const message = `${relation}: the server counted ${plural(counted, 'row')}, the manifest says ${count(wanted)}`;
  throw new StowageError('database/count', message, { where: { relation } });
}
