import type { Source } from '../../backup-set/documents/plan.ts';
import { printable } from '../output/format.ts';

/** Where a set of another tool is from, and what of it is not in the set. */
export function sourceLines(source: Source | undefined): string[] {
  if (source === undefined) return [];
  const { tool, version, timestamp, place, counted, leftOut = [] } = source;
  const counts =
    counted === 'source'
      ? 'the rows are as many as it has counted'
      : 'the rows were counted at the adoption';
  const lost = leftOut.map(({ kind, name }) => printable(`${kind} ${name}`));
  return [
    printable(
      `adopted from ${tool} of Greenplum ${version}, timestamp ${timestamp} in local time, made in ${place}; ${counts}`,
    ),
    ...(lost.length === 0 ? [] : [`not taken from the source: ${lost.join(', ')}`]),
  ];
}
