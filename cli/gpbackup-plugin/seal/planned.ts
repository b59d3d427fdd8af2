import { hostname } from 'node:os';
import * as z from 'zod';
import { FORMAT_VERSION } from '../../../backup-set/base/document.ts';
import { EVERYTHING, type Selection } from '../../../backup-set/base/selection.ts';
import { dateOf } from '../../../backup-set/base/timestamps.ts';
import { TOOL } from '../../../backup-set/base/tool.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import type { Files } from '../../../backup-set/files/expected.ts';
import { BackupConfig, type DataEntry } from '../../adopt/gpbackup/documents.ts';
import { unquoted } from '../../adopt/script/copy-statement.ts';
import type { Config } from '../../config/schema.ts';

const patterns = z.array(z.string()).nullish();
/** What the seal needs of `config.yaml`. */
export const SealedConfig = BackupConfig.extend({
  segmentcount: z.int().min(1),
  includeschemas: patterns,
  excludeschemas: patterns,
  includerelations: patterns,
  excluderelations: patterns,
});
export type SealedConfig = z.infer<typeof SealedConfig>;

/** What gpbackup has stored of its coordinator. */
export interface CoordinatorFiles {
  readonly timestamp: string;
  /** Names of the files. */
  readonly stored: readonly string[];
  readonly config: SealedConfig;
  readonly tables: readonly DataEntry[];
  /** The beginning of metadata.sql. */
  readonly metadata: string;
}

/** What the set must have, from what gpbackup says about it. */
export function plannedSet(
  { timestamp, stored, config, tables, metadata }: CoordinatorFiles,
  { cluster, backup }: Pick<Config, 'cluster' | 'backup'>,
  root: string,
): Plan {
  const named = (rest: string) => `gpbackup_${timestamp}_${rest}`;
  const must = ['metadata.sql', 'toc.yaml', 'config.yaml', 'report'].map(named);
  const statistics = config.withstatistics ? [named('statistics.sql')] : [];
  const facts = {
    port: 0,
    serverVersion: config.databaseversion.split(' ')[0] ?? '',
    encoding: /^SET client_encoding = '(.+?)';/m.exec(metadata)?.[1] ?? 'UTF8',
    metadata: [],
    relations: [],
    refresh: [],
  };
  return {
    format: 'stowage/plan',
    version: FORMAT_VERSION,
    timestamp,
    startedAt: dateOf(timestamp).toISOString(),
    cluster,
    flavour: 'greenplum',
    database: unquoted(config.databasename),
    root,
    tool: TOOL,
    overdueAfterSeconds: backup.overdueAfterSeconds,
    source: {
      tool: 'gpbackup',
      version: config.databaseversion.split('.')[0] ?? '',
      timestamp,
      place: hostname(),
      options: optionsOf(config),
      counted: 'source',
    },
    snapshot: {
      mechanism: 'source',
      takenAt: dateOf(timestamp).toISOString(),
      writerWaitMs: 0,
      attempts: 1,
    },
    frameBytes: backup.frameBytes,
    packBytes: backup.packBytes,
    compression: { algorithm: 'zstd', level: backup.zstdLevel },
    features: ['files'],
    files: {
      coordinator: [...new Set([...must, ...statistics, ...stored])].sort(),
      layout: config.singledatafile ? 'single' : 'per-table',
      suffix: suffixOf(config),
      tables: config.metadataonly ? [] : tables.map(plannedTable),
      needs: needsOf(config, timestamp),
    },
    selection: selectionOf(config),
    relations: [],
    notShipped: [],
    contents: [
      { content: -1, host: hostname(), ...facts },
      ...Array.from({ length: config.segmentcount }, (_, content) => ({
        content,
        // gpbackup does not name it.
        host: 'unknown',
        ...facts,
      })),
    ],
  };
}

const plannedTable = ({ schema, name, oid, rowscopied }: DataEntry) => ({
  schema: unquoted(schema),
  name: unquoted(name),
  oid,
  rows: rowscopied,
});

function suffixOf({ compressed, compressiontype }: SealedConfig): Files['suffix'] {
  if (!compressed) return '';
  return compressiontype === 'zstd' ? '.zst' : '.gz';
}

/** Older sets whose files an increment restores. */
function needsOf({ restoreplan }: SealedConfig, timestamp: string): string[] {
  const needed = restoreplan.filter(
    (step) => step.timestamp !== timestamp && step.tablefqns.length > 0,
  );
  return [...new Set(needed.map((step) => step.timestamp))].sort();
}

function optionsOf(config: SealedConfig): string {
  return [
    config.incremental ? '--incremental' : '',
    config.singledatafile ? '--single-data-file' : '',
    config.metadataonly ? '--metadata-only' : '',
    config.withstatistics ? '--with-stats' : '',
    `gpbackup ${config.backupversion}`,
    config.compressed
      ? `--compression-type ${config.compressiontype || 'gzip'}`
      : '--no-compression',
  ]
    .filter((option) => option !== '')
    .join(' ');
}

const selectionOf = (config: SealedConfig): Selection => ({
  ...EVERYTHING,
  includeSchemas: config.includeschemas ?? [],
  excludeSchemas: config.excludeschemas ?? [],
  includeTables: config.includerelations ?? [],
  excludeTables: config.excluderelations ?? [],
});
