import type { Problem } from '../base/verdict.ts';
import { plural } from '../base/words.ts';
import type { Plan } from '../documents/plan.ts';
import type { Seal } from '../documents/seal.ts';

/**
 * Under dispatch, the segments count only the rows that arrived: the program on a segment cannot
 * distinguish an abort from the end, and a killed program looks like a success. So the coordinator
 * must have counted every relation once, and the rows of all contents must add up to its count.
 * @param arrived rows of a relation in all contents.
 */
export function dispatchDisagreements(
  { snapshot, relations }: Plan,
  { dispatched }: Seal,
  arrived: (relation: number) => number,
): Problem[] {
  if (snapshot.mechanism !== 'dispatch') {
    if (dispatched === undefined) return [];
    return [
      {
        code: 'documents-disagree',
        message: `the seal has row counts of a dispatch, but the plan has snapshot mechanism "${snapshot.mechanism}"`,
      },
    ];
  }
  const counts = Map.groupBy(dispatched ?? [], ({ relation }) => relation);
  const problems = relations.flatMap(({ id, schema, name }): Problem[] => {
    const [count, another] = counts.get(id) ?? [];
    counts.delete(id);
    const relation = { schema, name };
    if (count === undefined)
      return [
        {
          code: 'relation-incomplete',
          relation,
          message: 'the seal has no row count of the coordinator for this relation',
        },
      ];
    if (another !== undefined)
      return [
        {
          code: 'documents-disagree',
          relation,
          message: 'the seal has more than one row count of the coordinator for this relation',
        },
      ];
    const rows = arrived(id);
    if (rows === count.rows) return [];
    const code = rows > count.rows ? 'relation-surplus' : 'relation-incomplete';
    return [
      {
        code,
        relation,
        message: `the packs have ${plural(rows, 'row')}, but the coordinator counted ${plural(count.rows, 'row')}`,
      },
    ];
  });
  const unplannedRelations = [...counts.keys()].map(
    (id): Problem => ({
      code: 'documents-disagree',
      message: `the coordinator counted relation ${id}, which the plan does not define`,
    }),
  );
  return [...problems, ...unplannedRelations];
}
