import * as z from 'zod';
import { Count, header, IsoDate, Sha256 } from '../../base/document.ts';
import { Timestamp } from '../../base/timestamps.ts';

/** exports/<name>/receipt.json: the file of the export is whole. */
export const ExportReceipt = z.object({
  ...header('export'),
  at: IsoDate,
  tool: z.string(),
  object: z.object({
    key: z.string(),
    bytes: Count,
    sha256: Sha256,
    etag: z.string().exactOptional(),
  }),
  /** The format of the file. */
  as: z.enum(['text', 'csv', 'parquet']),
  compression: z.enum(['none', 'gzip', 'zstd']),
  rows: Count,
  columns: z.array(z.string()),
  /** What was exported: a table of a set, or of a live database. */
  from: z.object({
    database: z.string(),
    /** Absent = from the live database. */
    set: Timestamp.exactOptional(),
    table: z.string().exactOptional(),
    query: z.string().exactOptional(),
    where: z.string().exactOptional(),
  }),
});
export type ExportReceipt = z.infer<typeof ExportReceipt>;
