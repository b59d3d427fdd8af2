import * as z from 'zod';
import { Count, Name } from '../base/document.ts';
import { Timestamp } from '../base/timestamps.ts';

/**
 * plan.json of a set that consists of the files of gpbackup, byte for byte
 * (docs/design/0032-gpbackup-plugin.md). Absent = the set consists of packs.
 */
export const Files = z.object({
  /** The files of content −1. */
  coordinator: z.array(z.string()).min(1),
  /** `single`: each content has one file with the rows of all tables, and one with their places. */
  layout: z.enum(['per-table', 'single']),
  /** What the names of files with rows end with: `.gz`, `.zst` or nothing. */
  suffix: z.enum(['.gz', '.zst', '']),
  /** Tables with rows in this set. `rows` over all contents, as the servers have counted them. */
  tables: z.array(Name.extend({ oid: Count, rows: Count })),
  /** Older sets whose files an increment needs. */
  needs: z.array(Timestamp),
});
export type Files = z.infer<typeof Files>;

/** The names of the files that a content must have. */
export function expectedFiles(
  { coordinator, layout, suffix, tables }: Files,
  timestamp: string,
  content: number,
): string[] {
  if (content === -1) return [...coordinator];
  const name = `gpbackup_${content}_${timestamp}`;
  if (layout === 'per-table') return tables.map(({ oid }) => `${name}_${oid}${suffix}`);
  return tables.length === 0 ? [] : [`${name}${suffix}`, `${name}_toc.yaml`];
}
