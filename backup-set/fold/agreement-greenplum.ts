import type { Plan, Relation } from '../documents/plan.ts';

/** What is wrong with a plan for a Greenplum, in words; `relation` where it is about one. */
interface Disagreement {
  readonly message: string;
  readonly relation?: Relation;
}

/**
 * A Greenplum's plan must be of the whole cluster: coordinator and contents 0 to N−1, every table on all segments, and of
 * a replicated one, which is whole everywhere, one copy. With a slice left out, or a copy too many, all counts would agree.
 */
export function greenplumDisagreements({ snapshot, relations, contents }: Plan): Disagreement[] {
  const ids = new Set(contents.map(({ content }) => content));
  const segments = contents.length - 1;
  if (segments < 1 || !contents.every((_, at) => ids.has(at - 1)))
    return [{ message: 'the plan is of no whole Greenplum: a coordinator and contents 0 to N-1' }];
  const dispatched = snapshot.mechanism === 'dispatch';
  const copies = new Uint32Array(relations.length);
  const slices = new Uint32Array(relations.length);
  for (const { content, relations: ranges } of contents) {
    const counts = content === -1 ? copies : slices;
    for (const [first, last] of ranges)
      for (let id = first; id <= last; id++) counts[id] = (counts[id] ?? 0) + 1;
  }
  return relations.flatMap((relation): Disagreement[] => {
    const [onCoordinator = 0, onSegments = 0] = [copies[relation.id], slices[relation.id]];
    const once = onCoordinator + onSegments === 1;
    const sliced = onCoordinator === 0 && onSegments === segments;
    // Dispatch sends chosen rows of a table (an extension's configuration) through the coordinator.
    const sound =
      relation.replicated === true
        ? once
        : sliced || (dispatched && relation.condition !== undefined && once && onCoordinator === 1);
    if (sound) return [];
    const wanted = relation.replicated === true ? 'one content' : `each of ${segments} segments`;
    return [
      {
        relation,
        message: `the plan gives this relation to ${onCoordinator + onSegments} contents, not to ${wanted}`,
      },
    ];
  });
}
