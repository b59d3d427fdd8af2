import type { Plan } from '../../backup-set/documents/plan.ts';
import type { ClusterContext } from '../context.ts';
import { type SegmentProgress, showProgress } from '../output/progress.ts';
import type { Draft } from './plan.ts';
import type { ContentTally, Tally } from './tally.ts';

/** Shows how far each segment is; the share done is estimated from table sizes, as nobody has counted the rows yet. */
export function showBackupProgress(
  context: ClusterContext,
  plan: Plan,
  draft: Draft,
  tally: Tally,
): { stop(): void } {
  const hosts = new Map(plan.contents.map(({ content, host }) => [content, host]));
  const sizes = new Map(
    [...draft.work].map(([content, work]) => [
      content,
      new Map(work.map(({ relation, bytesEstimated }) => [relation.id, bytesEstimated])),
    ]),
  );
  return showProgress('backup', context.output, context.clock, () =>
    [...tally.contents.values()].map((content) => ({
      ...numbersOf(content),
      host: hosts.get(content.content) ?? '',
      fraction: fractionOf(content, sizes.get(content.content)),
    })),
  );
}

function numbersOf(content: ContentTally): Omit<SegmentProgress, 'host' | 'fraction'> {
  return {
    content: content.content,
    rows: content.rows,
    bytes: content.bytes,
    storedBytes: content.storedBytes,
    relationsDone: content.relations.length,
    relationsPlanned: content.relationsPlanned,
    current: content.current,
  };
}

/** Finished tables count by their size on disk; the rows of running ones by what text has come, which is about as much. */
function fractionOf(
  content: ContentTally,
  sizes: ReadonlyMap<number, number> | undefined,
): number | undefined {
  const total = [...(sizes?.values() ?? [])].reduce((sum, next) => sum + next, 0);
  if (total === 0) return undefined;
  const done = content.relations.reduce(
    (sum, { relation }) => sum + (sizes?.get(relation) ?? 0),
    0,
  );
  const running = content.bytes - content.relations.reduce((sum, { bytes }) => sum + bytes, 0);
  return Math.min(done + Math.max(running, 0), total) / total;
}
