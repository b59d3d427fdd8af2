import * as z from 'zod';
import { Content, Count, header, IsoDate, Name } from '../base/document.ts';
import { METADATA_FILES } from '../base/keys.ts';
import { Selection } from '../base/selection.ts';
import { Timestamp } from '../base/timestamps.ts';

/** A relation whose rows are in the set. */
export const Relation = Name.extend({
  id: Count,
  kind: z.enum(['table', 'partition']),
  columns: z.array(z.string().min(1)),
  condition: z.string().exactOptional(),
  /** Every segment holds all its rows; one of them has shipped them. */
  replicated: z.literal(true).exactOptional(),
  /** Another database has other segments for its rows, because its key is hashed by oids (an enum): only a coordinator knows which. */
  redistribute: z.literal(true).exactOptional(),
  partitionRoot: Name.exactOptional(),
});
export type Relation = z.infer<typeof Relation>;

export const NotShipped = Name.extend({ kind: z.string(), reason: z.string() });

/** How a database compares and classifies text; another one would sort its indexes otherwise. */
export const Locale = z.object({
  provider: z.enum(['libc', 'icu', 'builtin']),
  collate: z.string(),
  ctype: z.string(),
  /** Of the provider, where that is not libc. */
  name: z.string().exactOptional(),
});
export type Locale = z.infer<typeof Locale>;

/** Inclusive ranges of relation ids. */
const Ranges = z.array(z.tuple([Count, Count]));

/** What plan and manifest both say of a segment. */
export const SegmentFacts = z.object({
  content: Content,
  host: z.string(),
  port: z.int(),
  serverVersion: z.string(),
  encoding: z.string(),
  locale: Locale.exactOptional(),
});

/** What one segment must deliver. */
export const PlannedContent = SegmentFacts.extend({
  metadata: z.array(z.enum(METADATA_FILES)),
  relations: Ranges,
  refresh: z.array(Name),
});
export type PlannedContent = z.infer<typeof PlannedContent>;

export const Snapshot = z.object({
  mechanism: z.enum(['barrier', 'dispatch']),
  takenAt: IsoDate,
  writerWaitMs: Count,
  attempts: Count,
});

/** `auto`: each frame's level was chosen by who waited for whom. */
export const ZstdLevel = z.union([z.int().min(1).max(19), z.literal('auto')]);

export const Compression = z.object({ algorithm: z.literal('zstd'), level: ZstdLevel });

/** plan.json: what must exist before the set is complete (docs/format.md). */
export const Plan = z.object({
  ...header('plan'),
  timestamp: Timestamp,
  startedAt: IsoDate,
  cluster: z.string(),
  flavour: z.string(),
  database: z.string(),
  root: z.string(),
  tool: z.string(),
  overdueAfterSeconds: Count,
  snapshot: Snapshot,
  frameBytes: Count,
  packBytes: Count,
  compression: Compression,
  selection: Selection,
  relations: z.array(Relation),
  notShipped: z.array(NotShipped),
  contents: z.array(PlannedContent).min(1),
});
export type Plan = z.infer<typeof Plan>;

/** The ids that ranges stand for. */
export function* idsOf(ranges: PlannedContent['relations']): Generator<number> {
  for (const [first, last] of ranges) for (let id = first; id <= last; id++) yield id;
}

/** The fewest ranges that stand for these ids. */
export function rangesOf(ids: Iterable<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === id - 1) last[1] = id;
    else ranges.push([id, id]);
  }
  return ranges;
}
