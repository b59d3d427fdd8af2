import * as z from 'zod';
import { Content, Count, IsoDate } from '../document.ts';
import { RestoreId } from '../timestamps.ts';

const Volume = z.object({ relations: Count, rows: Count, bytes: Count });

/** `drill` of a verdict of that level: what was restored, and how long it took (docs/format.md). */
export const DrillFacts = z.object({
  startedAt: IsoDate,
  host: z.string(),
  target: z.enum(['throwaway', 'scratch']),
  restore: RestoreId.exactOptional(),
  scope: z.enum(['all', 'sample', 'tables']),
  contents: z.array(Content),
  restored: Volume,
  set: Volume,
  compared: Volume.pick({ relations: true, rows: true }),
  leftOut: Count,
  startMs: Count,
  restoreMs: Count,
  compareMs: Count,
  dropMs: Count,
  /** Of a restore of the whole set; an estimate, unless the scope is `all`. */
  wholeMs: Count.exactOptional(),
});
export type DrillFacts = z.infer<typeof DrillFacts>;
