import type { FlavourFormat } from './format.ts';
import { greenplumDisagreements } from './greenplum-plan.ts';

const NOT_WHOLE =
  'the target is not a whole Greenplum cluster: it needs the coordinator (content -1) and contents 0 to N-1. One PostgreSQL server (content -1 alone) is a target, too';

/** Greenplum: one coordinator and segments 0 to N-1 that share each table's rows. */
export const greenplumFormat: FlavourFormat = {
  name: 'greenplum',
  hasOneCatalog: true,
  canResize: true,
  noSingleContents:
    'the segments of a Greenplum share one catalog, so a set cannot be restored into one of them. A lost segment is recovered from its mirror: gprecoverseg -F. When its mirror is lost too, restore the whole set: `stowage restore TIMESTAMP --create --redirect-db NAME`',
  planProblems: greenplumDisagreements,
  // Another number of segments distributes the rows anew, which only the coordinator can do. A set
  // with one content was taken through the coordinator.
  loadStrategy: ({ target, resize }, setContents) =>
    resize || setContents === 1 || target.contents.length !== setContents
      ? 'coordinator'
      : 'on-segment',
  targetProblems: (target) => {
    const contents = new Set(target);
    // Without segments it is one PostgreSQL server, which loads as a coordinator does.
    const isWhole = target.length > 0 && target.every((_, at) => contents.has(at - 1));
    return isWhole ? [] : [{ message: NOT_WHOLE }];
  },
};
