import { FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { idsOf, type Plan } from '../../backup-set/documents/plan.ts';
import type { SealPart } from '../../backup-set/documents/seal.ts';
import type { Decided } from '../../backup-set/witness/decide.ts';
import type { Report } from '../../segment-shipper/protocol/control.ts';
import type { DecidedContents } from './witness/documents.ts';

/** Of relations that no shipper reads. */
const UNREAD_ATTEMPT = 1;
const NONE = { unread: [], ranged: [] };

/** What the shippers have reported so far. Progress is shown from it, and the seal written. */
export interface Tally {
  readonly contents: ReadonlyMap<number, ContentTally>;
  /** With snapshot "dispatch": the rows that the coordinator counted, per relation. */
  readonly dispatched: { readonly relation: number; readonly rows: number }[];
}

export interface ContentTally {
  readonly content: number;
  readonly relationsPlanned: number;
  readonly receipts: SealPart['receipts'];
  readonly relations: SealPart['relations'];
  /** Relations, and ranges of their blocks, that are not read: their rows are those of the base. */
  readonly unread: { readonly tables: number; readonly rows: number; readonly bytes: number };
  /** Of the relations that are read. */
  rows: number;
  bytes: number;
  storedBytes: number;
  /** Rows that the base of the set has. */
  carriedBytes: number;
  objects: number;
  current: string | undefined;
  peakMemoryBytes: number;
  cpuMs: number;
  /** Absent after a short run and from an agent, which do not measure it. */
  eventLoopDelayP99Ms?: number;
}

/** @param decided the relations that are not read count at once. */
export function newTally(plan: Plan, decided?: DecidedContents): Tally {
  return {
    dispatched: [],
    contents: new Map(
      plan.contents.map(({ content, relations }) => [
        content,
        {
          content,
          relationsPlanned: [...idsOf(relations)].length,
          receipts: [],
          ...unreadOf(decided?.get(content)),
          rows: 0,
          bytes: 0,
          storedBytes: 0,
          carriedBytes: 0,
          objects: 0,
          current: undefined,
          peakMemoryBytes: 0,
          cpuMs: 0,
        },
      ]),
    ),
  };
}

function unreadOf({ unread, ranged }: Pick<Decided, 'unread' | 'ranged'> = NONE) {
  const relations: SealPart['relations'] = unread.map((relation) => ({
    ...relation,
    attempt: UNREAD_ATTEMPT,
    carried: true,
  }));
  const sum = (field: 'rows' | 'bytes') =>
    unread.reduce((total, one) => total + one[field], 0) +
    ranged.reduce((total, one) => total + (one.unread?.[field] ?? 0), 0);
  return { relations, unread: { tables: unread.length, rows: sum('rows'), bytes: sum('bytes') } };
}

/** Adds one report of a shipper. `attempt` is the attempt of that shipper. */
export function addReport(tally: ContentTally, report: Report, attempt: number): void {
  switch (report.type) {
    case 'progress':
      tally.rows = report.rows;
      tally.bytes = report.bytes;
      tally.storedBytes = report.storedBytes;
      tally.current = report.relation;
      return;
    case 'receipt': {
      const { worker, sequence, sha256 } = report;
      tally.receipts.push({ attempt: report.attempt, worker, sequence, sha256 });
      if (report.carriedBytes === undefined) tally.objects++;
      else tally.carriedBytes += report.carriedBytes;
      return;
    }
    case 'relation':
      tally.relations.push({
        relation: report.relation,
        attempt,
        rows: report.rows,
        bytes: report.bytes,
        ...(report.rowFormat && { rowFormat: report.rowFormat }),
        ...(report.ranges && { ranges: report.ranges }),
      });
      return;
    case 'done':
      tally.peakMemoryBytes = report.peakMemoryBytes;
      tally.cpuMs = report.cpuMs;
      if (report.eventLoopDelayP99Ms !== undefined)
        tally.eventLoopDelayP99Ms = report.eventLoopDelayP99Ms;
      return;
    case 'hello':
    case 'ordered':
    case 'checked':
    case 'silent':
    case 'failed':
      return;
  }
}

/** The seal's part of one content. Sorted, so that the same run gives the same bytes. */
export function sealPartOf(
  timestamp: string,
  { content, receipts, relations }: ContentTally,
): SealPart {
  return {
    format: 'stowage/seal-part',
    version: FORMAT_VERSION,
    timestamp,
    content,
    receipts: receipts.toSorted(
      (a, b) => a.attempt - b.attempt || a.worker - b.worker || a.sequence - b.sequence,
    ),
    relations: relations.toSorted((a, b) => a.relation - b.relation),
  };
}
