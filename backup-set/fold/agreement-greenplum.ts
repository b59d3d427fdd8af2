import type { Plan, Relation } from '../documents/plan.ts';

/** What is wrong with the plan of a Greenplum set, and for which relation. */
interface Disagreement {
  readonly message: string;
  readonly relation?: Relation;
}

/**
 * The plan of a Greenplum set must cover the whole cluster: coordinator and contents 0 to N−1,
 * every table on all segments, and one copy of each replicated table, which is complete on every
 * segment. The counts alone would not detect a missing segment or a second copy.
 */
export function greenplumDisagreements({ snapshot, relations, contents }: Plan): Disagreement[] {
  const ids = new Set(contents.map(({ content }) => content));
  const segments = contents.length - 1;
  if (segments < 1 || !contents.every((_, at) => ids.has(at - 1)))
    return [
      { message: 'the plan does not cover a whole Greenplum: a coordinator and contents 0 to N-1' },
    ];
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
    // Dispatch reads selected rows (the configuration of an extension) through the coordinator.
    const sound =
      relation.replicated === true
        ? once
        : sliced || (dispatched && relation.condition !== undefined && once && onCoordinator === 1);
    if (sound) return [];
    const wanted = relation.replicated === true ? 'one content' : `all ${segments} segments`;
    const actual = `${onCoordinator + onSegments} contents`;
    return [
      {
        relation,
        message: `the plan assigns this relation to ${actual} instead of ${wanted}`,
      },
    ];
  });
}
