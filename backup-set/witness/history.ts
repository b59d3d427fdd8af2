import { Count } from '../base/document.ts';
import { Lsn, lsnNumber } from './lsn.ts';
import type { Reason } from './reasons.ts';

/** Where in its history a server was: fields of a source. */
export const historyFields = {
  timeline: Count.min(1),
  /** The position of its WAL, read under the snapshot. */
  lsn: Lsn,
  /** Greenplum: which instance of the content this is. A mirror has another one. */
  dbid: Count.min(1).exactOptional(),
};

interface History {
  readonly timeline: number;
  readonly lsn: string;
  readonly dbid?: number;
}

/** Why the server is not the one that the base saw, some time later. */
export function historyDifference(base: History, now: History): Reason | undefined {
  if (base.timeline !== now.timeline || base.dbid !== now.dbid) return 'timeline-changed';
  return lsnNumber(now.lsn) < lsnNumber(base.lsn) ? 'state-older' : undefined;
}
