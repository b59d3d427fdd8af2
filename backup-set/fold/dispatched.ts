import type { Problem } from '../base/verdict.ts';
import type { Plan } from '../documents/plan.ts';
import type { Seal } from '../documents/seal.ts';

/**
 * Under dispatch the segments' counts are only what arrived: a program cannot tell an abort from the end, and a killed
 * one passes for a success. So every relation needs the coordinator's count, once, and the contents must add up to it.
 * @param arrived rows of a relation, of all contents.
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
        message: 'the seal has counts of a dispatch that the plan does not speak of',
      },
    ];
  }
  const words = Map.groupBy(dispatched ?? [], ({ relation }) => relation);
  const problems = relations.flatMap(({ id, schema, name }): Problem[] => {
    const [word, another] = words.get(id) ?? [];
    words.delete(id);
    const relation = { schema, name };
    if (word === undefined)
      return [
        {
          code: 'relation-incomplete',
          relation,
          message: 'the coordinator has given no count for it',
        },
      ];
    if (another !== undefined)
      return [
        {
          code: 'documents-disagree',
          relation,
          message: 'the coordinator has counted it more than once',
        },
      ];
    const rows = arrived(id);
    if (rows === word.rows) return [];
    const code = rows > word.rows ? 'relation-surplus' : 'relation-incomplete';
    return [
      {
        code,
        relation,
        message: `${rows} of the ${word.rows} rows that the coordinator counted have arrived`,
      },
    ];
  });
  const unplannedRelations = [...words.keys()].map(
    (id): Problem => ({
      code: 'documents-disagree',
      message: `the coordinator counted relation ${id}, which the plan does not define`,
    }),
  );
  return [...problems, ...unplannedRelations];
}
