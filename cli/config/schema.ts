import * as z from 'zod';
import { parsePattern } from '../../backup-set/base/selection.ts';
import { FRAME_BYTES_MAX } from '../../backup-set/documents/agents.ts';
import { Tag, ZstdLevel } from '../../backup-set/documents/plan.ts';
import { fieldNames } from '../../backup-set/messages/issue.ts';
import { RetentionRules } from '../../backup-set/retention/rules.ts';
import { UnusualRules } from '../../backup-set/unusual/rules.ts';
import {
  ConnectionSection,
  DEFAULT_PORT,
  Host,
  Port,
  STALL_SECONDS_DEFAULT,
  StallSeconds,
} from '../../database/connection-settings.ts';
import { FLAVOUR_NAMES, flavourNamed } from '../../database/flavours.ts';
import { EncryptionSection } from '../../encryption/settings.ts';
import { AnnounceSettings } from '../../functions/announce/settings.ts';
import { blockMemoryProblem } from '../../segment-shipper/backup/block-memory.ts';
import { S3Settings, StorageSection, StoreRoot } from '../../storage/settings.ts';
import { RequestsSection } from '../requests/schema.ts';
import { ScheduleSection } from '../schedule/schema.ts';
import { Duration } from './durations.ts';
import { PATTERN_FORMS } from './flag-names.ts';
import { mechanismOf, throughProblems } from './through.ts';

/**
 * stowage.yaml (docs/configuration.md). Unknown fields are refused: a misspelt one would silently
 * have no effect.
 */
const Pattern = z
  .string()
  .refine((pattern) => parsePattern(pattern) !== undefined, `must be a pattern (${PATTERN_FORMS})`);
const Positive = z.int().positive();
const Count = z.int().nonnegative();

const SegmentConfig = z.strictObject({
  content: z.int().min(-1).max(999_999),
  host: Host,
  port: Port.default(DEFAULT_PORT),
  /** The command that starts this segment's shipper; overrides `shippers.command`. */
  command: z.array(z.string().min(1)).min(1).exactOptional(),
});

const Databases = z.union([
  z.literal('all'),
  z
    .array(z.string().min(1))
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'must list each database once'),
]);

/** With its own server where it is not that of `storage`. */
const ConsoleRoot = z.union([
  StoreRoot,
  z.strictObject({
    root: StoreRoot,
    name: z.string().min(1).max(100).exactOptional(),
    endpoint: S3Settings.shape.endpoint,
    region: S3Settings.shape.region,
  }),
]);

const Cluster = z.strictObject({
  cluster: z.string().min(1).default('main'),
  flavour: z.enum(FLAVOUR_NAMES).default('shards'),
  root: StoreRoot,
  database: z.string().min(1),
  /** What a backup backs up, one after the other, when it is more than `database`. */
  databases: Databases.exactOptional(),
  segments: z
    .array(SegmentConfig)
    .default([])
    .superRefine((segments, context) => {
      const contents = segments.map(({ content }) => content);
      const twice = contents.find((content, at) => contents.indexOf(content) !== at);
      if (twice !== undefined)
        context.addIssue({ code: 'custom', message: `content ${twice} is listed twice` });
    }),
  /** Greenplum's coordinator; its catalog has the addresses of the segments. */
  coordinator: z
    .strictObject({
      host: Host.default('localhost'),
      port: Port.default(DEFAULT_PORT),
    })
    .exactOptional(),
  connection: ConnectionSection.prefault({}),
  /** A server or a store that is silent for longer ends the run (docs/operations.md). */
  stallSeconds: StallSeconds.default(STALL_SECONDS_DEFAULT),
  backup: z
    .strictObject({
      frameBytes: z
        .int()
        .min(4096)
        .max(FRAME_BYTES_MAX)
        .default(4 * 1024 * 1024),
      packBytes: z
        .int()
        .min(65_536)
        .max(256 * 1024 ** 3)
        .default(1024 ** 3),
      zstdLevel: ZstdLevel.default(1),
      /** How the cluster's snapshot is taken. */
      snapshot: z.enum(['barrier', 'dispatch']).default('barrier'),
      /** Which sessions read the rows: of every segment, or of Greenplum's coordinator only. */
      through: z.enum(['segments', 'coordinator']).default('segments'),
      /** Dispatch: smaller tables are read through the coordinator. */
      smallTableBytes: Count.default(4 * 1024 * 1024),
      overdueAfterSeconds: Positive.default(3600),
      lockTimeoutMs: Positive.default(500),
      lockAttempts: Positive.default(40),
      includeSchemas: z.array(Pattern).default([]),
      excludeSchemas: z.array(Pattern).default([]),
      includeTables: z.array(Pattern).default([]),
      excludeTables: z.array(Pattern).default([]),
      /** Words for `list --tag` and the rules of retention. */
      tags: z.array(Tag).max(32).default([]),
      /** Whether sets have the rows of unlogged tables, as the dumps of pg_dump do. */
      unloggedRows: z.boolean().default(true),
      /** Whether rows that an older set has are not stored again. */
      carry: z.boolean().default(true),
      /** The share of a pack that the base must use, so that a new set uses it too. */
      packUseMin: z.number().min(0).max(1).default(0.5),
      /** Tables that a witness proves unchanged are read again after this time; 0 = always read. */
      rereadAfter: Duration.default('7d'),
      /** Which witnesses are used where the server has them (docs/design/0022-witnesses.md). */
      witnesses: z
        .strictObject({
          walSummary: z.boolean().default(true),
          appendOptimized: z.boolean().default(true),
          fileStamp: z.boolean().default(false),
          /** Whether large tables with WAL summaries are read only where blocks changed. */
          blockRanges: z.boolean().default(true),
          /** Longest wait for a checkpoint, and for a WAL summary. */
          waitSeconds: Positive.max(3600).default(60),
        })
        .prefault({}),
    })
    .prefault({}),
  restore: z
    .strictObject({
      /** Greenplum: tables with fewer bytes of rows are loaded through the coordinator. */
      smallTableBytes: Count.default(1024 * 1024),
    })
    .prefault({}),
  shippers: z
    .strictObject({
      /** Connections that move rows, per segment. */
      workers: z.int().min(1).max(64).default(4),
      /** Limit in bytes per second for all shippers of a host together. */
      maxRateBytes: z.int().min(1000).exactOptional(),
      /**
       * `process`: the command line starts the shippers; `agents`: they are resident
       * (docs/agents.md).
       */
      start: z.enum(['process', 'agents']).default('process'),
      /** With agents: the key that signs what they obey; absent = nothing is signed. */
      signingKeyFile: z.string().min(1).exactOptional(),
      /** How long an agent may take to claim an order in the bucket. */
      claimSeconds: Positive.default(60),
      /** `{host}` and `{content}` are replaced; absent = a process on this machine. */
      command: z.array(z.string().min(1)).min(1).exactOptional(),
      /** Greenplum: folder of the FIFOs between the database's programs and the shippers. */
      fifoBase: z
        .string()
        .regex(
          /^\/[\w./-]*$/,
          'must be an absolute path of letters, digits, dots, dashes, underscores and slashes',
        )
        .default('/tmp'),
    })
    .prefault({}),
  storage: StorageSection,
  /** Absent = backups are not encrypted (docs/encryption.md). */
  encryption: EncryptionSection.exactOptional(),
  /** The alternate location: validated sets are copied to this root. */
  replica: z
    .strictObject({
      root: StoreRoot.optional(),
      endpoint: S3Settings.shape.endpoint,
      region: S3Settings.shape.region,
    })
    .prefault({}),
  /** Which sets expire; absent = none. */
  retention: RetentionRules.exactOptional(),
  /** Where `serve` and `sweep` tell of events; without channels nowhere. */
  announce: AnnounceSettings.prefault({}),
  /** When a validation warns about a set. */
  unusual: UnusualRules.prefault({}),
  /** What runs by itself, and when; absent = nothing. */
  schedule: ScheduleSection.exactOptional(),
  /** What runs the functions: the command itself, or storage events. */
  functions: z.enum(['inline', 'events']).exactOptional(),
  serve: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8080),
      sweepSeconds: Positive.default(60),
      /** Names of files: no secret belongs into the configuration. */
      tokenFile: z.string().min(1).exactOptional(),
      metricsTokenFile: z.string().min(1).exactOptional(),
      tlsCert: z.string().min(1).exactOptional(),
      tlsKey: z.string().min(1).exactOptional(),
      clientCa: z.string().min(1).exactOptional(),
      snsTopics: z.array(z.string().startsWith('arn:')).default([]),
    })
    .refine(
      ({ tlsCert, tlsKey }) => (tlsCert === undefined) === (tlsKey === undefined),
      'set both serve.tlsCert and serve.tlsKey, or neither',
    )
    .refine(
      ({ tlsCert, clientCa }) => clientCa === undefined || tlsCert !== undefined,
      'serve.clientCa needs serve.tlsCert and serve.tlsKey',
    )
    .prefault({}),
  /** A page of `serve` (docs/console.md); absent = none. */
  console: z
    .strictObject({
      /** Further roots, which it shows beside `root`. */
      roots: z.array(ConsoleRoot).max(64).default([]),
      tokenFile: z.string().min(1).exactOptional(),
    })
    .exactOptional(),
  /** Restores that are asked for in the console; absent = none. */
  requests: RequestsSection.exactOptional(),
});

/** A field that only another flavour uses is an error: ignoring it would hide a mistake. */
export const Config = Cluster.superRefine(
  ({ flavour, segments, coordinator, backup, shippers, schedule, retention }, context) => {
    if (schedule?.retention !== undefined && retention !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['schedule', 'retention'],
        message: 'the rules of retention are given twice: keep retention or schedule.retention',
      });
    const snapshot = mechanismOf({ backup });
    const problems = flavourNamed(flavour).configProblems({ segments, coordinator, snapshot });
    for (const { path, message } of [...problems, ...throughProblems({ backup, shippers })])
      context.addIssue({ code: 'custom', path: [...path], message });
    if (shippers.start === 'agents' && shippers.maxRateBytes !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['shippers', 'maxRateBytes'],
        message: 'does not apply to agents; set maxRateBytes in agent.yaml',
      });
    const lacking = blockMemoryProblem(shippers.workers, backup.frameBytes);
    if (lacking !== undefined)
      context.addIssue({ code: 'custom', path: ['backup', 'frameBytes'], message: lacking });
  },
);
export type Config = z.infer<typeof Config>;

/** Environment variables and the fields that they set. */
export const ENVIRONMENT: Readonly<Record<string, string>> = {
  STOWAGE_ROOT: 'root',
  STOWAGE_CLUSTER: 'cluster',
  STOWAGE_FUNCTIONS: 'functions',
  STOWAGE_WORKERS: 'shippers.workers',
  STOWAGE_STALL_SECONDS: 'stallSeconds',
  STOWAGE_ENDPOINT: 'storage.endpoint',
  STOWAGE_REGION: 'storage.region',
  STOWAGE_REPLICA: 'replica.root',
  AGE_IDENTITY_FILE: 'encryption.identityFile',
  PGDATABASE: 'database',
  PGUSER: 'connection.user',
  PGSSLMODE: 'connection.sslmode',
  PGSSLROOTCERT: 'connection.sslrootcert',
  PGSSLCERT: 'connection.sslcert',
  PGSSLKEY: 'connection.sslkey',
};

/** The names of all fields, for suggestions. */
export const FIELDS: readonly string[] = fieldNames(Cluster);
