import { lsnNumber } from '../../../backup-set/witness/lsn.ts';

/** A file of the WAL summarizer: what changed from `start` up to `end`. */
export interface Summary {
  readonly timeline: number;
  readonly start: string;
  readonly end: string;
}

/** The file of a summary in `pg_wal/summaries`. */
export function fileNameOf({ timeline, start, end }: Summary): string {
  const numbers = [timeline.toString(16), ...start.split('/'), ...end.split('/')];
  return `${numbers.map((hex) => hex.toUpperCase().padStart(8, '0')).join('')}.summary`;
}

/** Whether the summaries cover every position from one to the other. */
export function coversAll(summaries: readonly Summary[], from: string, to: string): boolean {
  const end = lsnNumber(to);
  let reached = lsnNumber(from);
  if (reached > end) return false;
  const ranges = summaries
    .map((summary) => [lsnNumber(summary.start), lsnNumber(summary.end)] as const)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [start, stop] of ranges) {
    if (start > reached) break;
    if (stop > reached) reached = stop;
  }
  return reached >= end;
}

/** The summary that covers a position. */
export function summaryAt(summaries: readonly Summary[], lsn: string): Summary | undefined {
  const at = lsnNumber(lsn);
  return summaries.find(({ start, end }) => lsnNumber(start) <= at && at <= lsnNumber(end));
}
