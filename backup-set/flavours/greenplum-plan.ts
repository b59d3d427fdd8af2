import { plural } from '../base/words.ts';
import { idsOf, type Plan } from '../documents/plan.ts';
import type { PlanProblem } from './format.ts';

const NOT_THROUGH =
  'the plan was taken through the coordinator, and must have content -1 only, with every relation in it once';
const NOT_WHOLE =
  'the plan does not cover a whole Greenplum cluster: it needs the coordinator (content -1) and contents 0 to N-1';

/**
 * A Greenplum plan must cover the whole cluster: the coordinator and contents 0 to N−1, every
 * distributed table on all segments, and every replicated table exactly once. A missing slice or
 * a second copy would not show in the counts: they would still agree. Only a dispatch reads
 * distributed rows through the coordinator, and says so. A plan taken through the coordinator has
 * no other content.
 */
export function greenplumDisagreements(plan: Plan): PlanProblem[] {
  const { snapshot, relations, contents } = plan;
  if (snapshot.mechanism === 'coordinator') return throughCoordinator(plan);
  const ids = new Set(contents.map(({ content }) => content));
  const segments = contents.length - 1;
  if (segments < 1 || !contents.every((_, at) => ids.has(at - 1))) return [{ message: NOT_WHOLE }];
  const dispatched = snapshot.mechanism === 'dispatch';
  const copies = new Uint32Array(relations.length);
  const slices = new Uint32Array(relations.length);
  for (const { content, relations: ranges } of contents) {
    const counts = content === -1 ? copies : slices;
    for (const [first, last] of ranges)
      for (let id = first; id <= last; id++) counts[id] = (counts[id] ?? 0) + 1;
  }
  return relations.flatMap((relation): PlanProblem[] => {
    const [onCoordinator = 0, onSegments = 0] = [copies[relation.id], slices[relation.id]];
    const once = onCoordinator + onSegments === 1;
    const sliced = onCoordinator === 0 && onSegments === segments;
    const whole = dispatched && once && onCoordinator === 1;
    // Dispatch reads selected rows (the configuration of an extension) through the coordinator.
    const sound = () => {
      if (relation.replicated === true) return once;
      if (relation.fromCoordinator === true) return whole;
      return sliced || (whole && relation.condition !== undefined);
    };
    if (sound()) return [];
    const all = segments === 1 ? 'the only segment' : `all ${plural(segments, 'segment')}`;
    const one = relation.fromCoordinator === true ? 'the coordinator of a dispatch' : all;
    const wanted = relation.replicated === true ? 'one content' : one;
    const actual = plural(onCoordinator + onSegments, 'content');
    return [
      {
        relation,
        message: `the plan assigns this relation to ${actual} instead of ${wanted}`,
      },
    ];
  });
}

/** Relations with a condition, replicated and distributed ones: the coordinator has all rows. */
function throughCoordinator({ relations, contents }: Plan): PlanProblem[] {
  const [only, another] = contents;
  const named = [...idsOf(only?.relations ?? [])];
  const isWhole = named.length === relations.length && new Set(named).size === named.length;
  if (only?.content === -1 && another === undefined && isWhole) return [];
  return [{ message: NOT_THROUGH }];
}
