import { parse } from 'yaml';
import * as z from 'zod';
import { messageOf } from '../../../backup-set/base/errors.ts';
import { Timestamp } from '../../../backup-set/base/timestamps.ts';
import { UnsoundScript } from '../script/unsound.ts';

const Count = z.int().nonnegative();
/** Go writes an empty list as `[]`, and some versions as null. */
const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((items) => items ?? []);

/** gpbackup_TS_config.yaml. What adoption does not use is not checked. */
export const BackupConfig = z.object({
  backupversion: z.string(),
  compressed: z.boolean(),
  /** Absent in old versions: gzip. */
  compressiontype: z.string().default(''),
  databasename: z.string().min(1),
  databaseversion: z.string().min(1),
  /** Absent before 1.21. */
  segmentcount: Count.optional(),
  dataonly: z.boolean().default(false),
  incremental: z.boolean().default(false),
  metadataonly: z.boolean().default(false),
  restoreplan: list(z.object({ timestamp: Timestamp, tablefqns: list(z.string()) })),
  singledatafile: z.boolean().default(false),
  timestamp: Timestamp,
  withstatistics: z.boolean().default(false),
  /** Absent in old versions. */
  status: z.string().optional(),
});
export type BackupConfig = z.infer<typeof BackupConfig>;

/** Names are as SQL writes them, with quotes where they need some. */
const MetadataEntry = z
  .object({
    schema: z.string(),
    name: z.string(),
    objecttype: z.string().min(1),
    referenceobject: z.string().default(''),
    startbyte: Count,
    endbyte: Count,
  })
  .refine(({ startbyte, endbyte }) => startbyte <= endbyte, 'its range ends before it starts');
export type MetadataEntry = z.infer<typeof MetadataEntry>;

const DataEntry = z.object({
  schema: z.string().min(1),
  name: z.string().min(1),
  oid: Count,
  /** `(id,"Col A")`; empty: the table has no columns. */
  attributestring: z.string(),
  /** The sum over all segments, also of a replicated table. */
  rowscopied: Count,
  /** Of a leaf (`--leaf-partition-data`): its root, in the same schema. */
  partitionroot: z.string().default(''),
  isreplicated: z.boolean().default(false),
  distbyenum: z.boolean().default(false),
});
export type DataEntry = z.infer<typeof DataEntry>;

/** gpbackup_TS_toc.yaml. */
export const Toc = z.object({
  globalentries: list(MetadataEntry),
  predataentries: list(MetadataEntry),
  postdataentries: list(MetadataEntry),
  statisticsentries: list(z.unknown()),
  dataentries: list(DataEntry),
});
export type Toc = z.infer<typeof Toc>;

/** gpbackup_CONTENT_TS_toc.yaml: where the rows of each table are in the file of all tables. */
export const SegmentToc = z.object({
  dataentries: z
    .record(z.string().regex(/^\d+$/), z.object({ startbyte: Count, endbyte: Count }))
    .nullish()
    .transform((entries) => entries ?? {}),
});
export type SegmentToc = z.infer<typeof SegmentToc>;

/** @throws UnsoundScript naming the field. Never quotes the text. */
export function parseDocument<Schema extends z.ZodType>(
  schema: Schema,
  bytes: Buffer,
): z.infer<Schema> {
  if (bytes.length === 0) throw new UnsoundScript('it is empty');
  let value: unknown;
  try {
    // No document of gpbackup has an alias: the limit keeps a hostile one small.
    value = parse(bytes.toString('utf8'), { maxAliasCount: 0, logLevel: 'silent' });
  } catch (error) {
    const [line] = messageOf(error).split('\n');
    throw new UnsoundScript(`it is not YAML: ${line?.replace(/:$/, '')}`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UnsoundScript(
    `it is not as gpbackup writes it: ${issue?.path.join('.')}: ${issue?.message}`,
  );
}
