import { asStowageError } from '../../backup-set/base/errors.ts';
import type { QualifiedName } from '../../backup-set/base/selection.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';

/** A failure as a receipt tells it. */
export function problemOf(error: unknown, content: number, relation?: QualifiedName): Problem {
  const { code, message, where } = asStowageError(error);
  return {
    code:
      code === 'restore/refused'
        ? 'target-refused'
        : code === 'set/damaged'
          ? 'digest-differs'
          : 'order-failed',
    message: `${message} (${code})`,
    content,
    ...(relation && { relation: { schema: relation.schema, name: relation.name } }),
    ...(where.object !== undefined && { object: where.object }),
    ...(where.offset !== undefined && { offset: where.offset }),
  };
}
