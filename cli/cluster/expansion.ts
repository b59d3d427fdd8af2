import { count, plural } from '../../backup-set/base/words.ts';
import type { HeldSnapshot } from '../../database/flavour.ts';
import type { ClusterContext } from '../context.ts';
import { printable } from '../output/format.ts';

const NAMED_MAX = 5;

/** Says which tables are on fewer segments than the cluster has: gpexpand is not finished. */
export function noteExpansion(
  { output }: Pick<ClusterContext, 'output'>,
  { nodes, segments: known }: Pick<HeldSnapshot, 'nodes' | 'segments'>,
): void {
  const partial = new Map(
    nodes.flatMap(({ relations }) =>
      relations.flatMap(({ schema, name, segments }) =>
        segments === undefined ? [] : [[`${schema}.${name}`, segments] as const],
      ),
    ),
  );
  if (partial.size === 0) return;
  const cluster = known ?? nodes.filter(({ segment }) => segment.content >= 0).length;
  const named = [...partial]
    .slice(0, NAMED_MAX)
    .map(([name, segments]) => `${name} (${segments} of ${cluster})`);
  const more = partial.size > NAMED_MAX ? ` and ${count(partial.size - NAMED_MAX)} more` : '';
  output.note(
    'expanding',
    { tables: partial.size, segments: cluster },
    printable(
      `gpexpand is not finished: ${plural(partial.size, 'table')} not on all segments: ${named.join(', ')}${more}. The set has all their rows; a restore loads them through the coordinator`,
    ),
  );
}
