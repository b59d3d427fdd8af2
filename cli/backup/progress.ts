import { type SegmentProgress, showProgress } from '../output/progress.ts';
import type { BackupRun } from './run.ts';
import type { ContentTally } from './tally.ts';

/**
 * Shows the progress of each segment. The fraction is estimated from table sizes: no row is counted
 * yet.
 */
export function showBackupProgress({ context, plan, draft, tally }: BackupRun): { stop(): void } {
  const hosts = new Map(plan.contents.map(({ content, host }) => [content, host]));
  const sizes = new Map(
    [...draft.work].map(([content, work]) => [
      content,
      new Map(work.map(({ relation, bytesEstimated }) => [relation.id, bytesEstimated])),
    ]),
  );
  return showProgress(context, { what: 'backup', title: 'backup', shows: 'backup' }, () =>
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

/** A finished table counts with its size on disk, a running one with the bytes received so far. */
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
