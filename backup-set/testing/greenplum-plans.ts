import * as fc from 'fast-check';
import { expect } from 'vitest';
import { plural } from '../base/words.ts';
import { idsOf, type Plan, type Relation, rangesOf } from '../documents/plan.ts';
import { greenplumDisagreements } from '../flavours/greenplum-plan.ts';
import { documentsOf, type SetParts } from './builders.ts';
import { fold } from './fold-whole.ts';
import { barrierSet, dispatchedSet, greenplumSealOf } from './greenplum.ts';

export const greenplumSet = fc.oneof(barrierSet, dispatchedSet);

/** The message about a relation that is assigned to `actual` contents. */
export const assigned = (actual: number, wanted: string) =>
  `the plan assigns this relation to ${plural(actual, 'content')} instead of ${wanted}`;

export const everySegment = (count: number) =>
  count === 1 ? 'the only segment' : `all ${count} segments`;

export const nameOf = ({ schema, name }: Relation) => ({ schema, name });
export const segmentsOf = ({ contents }: Plan) => contents.filter(({ content }) => content >= 0);
export const holdersOf = ({ contents }: Plan, id: number) =>
  contents
    .filter(({ relations }) => [...idsOf(relations)].includes(id))
    .map(({ content }) => content);

/** The plan, with this relation assigned to exactly these contents. */
export function givenTo(plan: Plan, id: number, holders: readonly number[]): Plan {
  const contents = plan.contents.map((planned) => {
    const others = [...idsOf(planned.relations)].filter((other) => other !== id);
    return {
      ...planned,
      relations: rangesOf(holders.includes(planned.content) ? [...others, id] : others),
    };
  });
  return { ...plan, contents };
}

/**
 * The problems of an altered plan. Checks that the fold of its set is damaged with the same ones.
 */
export function problemsOf(parts: SetParts, plan: Plan) {
  const found = greenplumDisagreements(plan).map(({ message, relation }) => ({
    message,
    ...(relation && { relation: nameOf(relation) }),
  }));
  const folded = fold(documentsOf(parts, { plan, seal: greenplumSealOf({ ...parts, plan }) }));
  if (folded.status !== 'damaged') throw new Error(folded.status);
  for (const problem of found)
    expect(folded.problems).toContainEqual(
      expect.objectContaining({ code: 'documents-disagree', ...problem }),
    );
  return found;
}

/** A set, and one of its relations for which `fits` is true. */
const setAnd = (fits: (relation: Relation) => boolean, sets = greenplumSet) =>
  sets
    .map((parts) => ({ parts, fitting: parts.plan.relations.filter(fits) }))
    .filter(({ fitting }) => fitting.length > 0)
    .chain(({ parts, fitting }) =>
      fc.constantFrom(...fitting).map((relation) => ({ parts, relation })),
    );
const isDistributed = ({ replicated: is, condition, fromCoordinator }: Relation) =>
  is !== true && condition === undefined && fromCoordinator !== true;
export const distributed = setAnd(isDistributed);
export const replicated = setAnd((relation) => relation.replicated === true);
export const chosen = setAnd((relation) => relation.condition !== undefined, dispatchedSet);
export const small = setAnd((relation) => relation.fromCoordinator === true, dispatchedSet);
