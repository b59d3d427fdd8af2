import type { FlavourFormat } from './format.ts';

/** Plain PostgreSQL servers: each content is restored to a server of its own. */
export const shardsFormat: FlavourFormat = {
  name: 'shards',
  hasOneCatalog: false,
  canResize: false,
  planProblems: () => [],
  loadStrategy: () => 'per-segment',
  targetProblems: (target, set) => {
    const [wanted, known] = [new Set(target), new Set(set)];
    const missing = 'the target has no segment for this content';
    const unknown = 'the set has no data for this segment of the target';
    return [
      ...[...known]
        .filter((content) => !wanted.has(content))
        .map((content) => ({ message: missing, content })),
      ...[...wanted]
        .filter((content) => !known.has(content))
        .map((content) => ({ message: unknown, content })),
    ];
  },
};
