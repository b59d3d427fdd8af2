import type { FlavourFormat } from './format.ts';

/** What to do when the numbers of contents differ. */
const BY_MAP =
  ': --map says which contents of the set go into which server, for example --map 0,1=0 2,3=1';

/** Plain PostgreSQL servers: each content is restored to a server of its own. */
export const shardsFormat: FlavourFormat = {
  name: 'shards',
  hasOneCatalog: false,
  canResize: false,
  planProblems: () => [],
  loadStrategy: () => 'per-segment',
  targetProblems: (target, set) => {
    const [wanted, known] = [new Set(target), new Set(set)];
    const missing = `the target has no segment for this content${BY_MAP}`;
    const unknown = `the set has no data for this segment of the target${BY_MAP}`;
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
