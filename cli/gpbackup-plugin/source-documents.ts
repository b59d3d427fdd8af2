import { parse } from 'yaml';
import * as z from 'zod';
import { StowageError } from '../../backup-set/base/errors.ts';

/** What the seal needs of `config.yaml`. */
const BackupConfig = z.object({
  backupversion: z.string(),
  databasename: z.string(),
  databaseversion: z.string(),
  segmentcount: z.coerce.number().int().min(1),
  compressed: z.boolean(),
  compressiontype: z.string().default('gzip'),
  singledatafile: z.boolean(),
  metadataonly: z.boolean(),
  withstatistics: z.boolean(),
  incremental: z.boolean().default(false),
  includeschemas: z.array(z.string()).nullable().default([]),
  excludeschemas: z.array(z.string()).nullable().default([]),
  includerelations: z.array(z.string()).nullable().default([]),
  excluderelations: z.array(z.string()).nullable().default([]),
  restoreplan: z
    .array(
      z.object({ timestamp: z.coerce.string(), tablefqns: z.array(z.string()).nullable().default([]) }),
    )
    .nullable()
    .default([]),
  status: z.string().default(''),
});
export type BackupConfig = z.infer<typeof BackupConfig>;

/** What the seal needs of `toc.yaml`. */
const Toc = z.object({
  dataentries: z
    .array(
      z.object({
        schema: z.string(),
        name: z.string(),
        oid: z.int().positive(),
        rowscopied: z.int().nonnegative(),
      }),
    )
    .nullable()
    .default([]),
});

export function readBackupConfig(text: string): BackupConfig {
  return read(BackupConfig, text, 'config.yaml');
}

/** The tables whose rows are in the set. */
export function readDataEntries(text: string) {
  const { dataentries } = read(Toc, text, 'toc.yaml');
  return (dataentries ?? []).map(({ schema, name, oid, rowscopied }) => ({
    schema: unquoted(schema),
    name: unquoted(name),
    oid,
    rows: rowscopied,
  }));
}

function read<Schema extends z.ZodType>(schema: Schema, text: string, file: string) {
  let values: unknown;
  try {
    values = parse(text);
  } catch (cause) {
    throw new StowageError('gpbackup/failed', `${file} of gpbackup is not YAML`, { cause });
  }
  const found = schema.safeParse(values);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new StowageError(
    'gpbackup/failed',
    `${file} of gpbackup: ${issue?.path.map(String).join('.')}: ${issue?.message}`,
  );
}

/** gpbackup writes names as SQL does. */
const unquoted = (name: string) =>
  name.startsWith('"') && name.endsWith('"') && name.length > 1
    ? name.slice(1, -1).replaceAll('""', '"')
    : name;
