import { FORMAT_VERSION } from '../../backup-set/base/document.ts';
import { idsOf, type Plan } from '../../backup-set/documents/plan.ts';
import type { SealPart } from '../../backup-set/documents/seal.ts';
import type { Report } from '../../segment-shipper/protocol/control.ts';

/** What the shippers have reported so far: the ground for progress and, in the end, for the seal. */
export interface Tally {
  readonly contents: ReadonlyMap<number, ContentTally>;
  /** Under dispatch: what the coordinator counted, per relation. */
  readonly dispatched: { readonly relation: number; readonly rows: number }[];
}

export interface ContentTally {
  readonly content: number;
  readonly relationsPlanned: number;
  readonly receipts: SealPart['receipts'];
  readonly relations: SealPart['relations'];
  rows: number;
  bytes: number;
  storedBytes: number;
  objects: number;
  current: string | undefined;
  peakMemoryBytes: number;
  cpuMs: number;
  /** Absent where nobody measured it: of a short run, and of an agent. */
  eventLoopDelayP99Ms?: number;
}

export function newTally(plan: Plan): Tally {
  return {
    dispatched: [],
    contents: new Map(
      plan.contents.map(({ content, relations }) => [
        content,
        {
          content,
          relationsPlanned: [...idsOf(relations)].length,
          receipts: [],
          relations: [],
          rows: 0,
          bytes: 0,
          storedBytes: 0,
          objects: 0,
          current: undefined,
          peakMemoryBytes: 0,
          cpuMs: 0,
        },
      ]),
    ),
  };
}

/** Takes one report into account. `attempt` is the one whose shipper speaks. */
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
      tally.objects++;
      return;
    }
    case 'relation':
      tally.relations.push({
        relation: report.relation,
        attempt,
        rows: report.rows,
        bytes: report.bytes,
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
    case 'failed':
      return;
  }
}

/** The seal's words on one content; order does not matter to the fold, but the same run should give the same bytes. */
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
