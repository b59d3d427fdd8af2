import * as z from 'zod';
import { Content, Count, Sha256 } from '../../backup-set/base/document.ts';
import { PHASES } from '../../backup-set/base/keys.ts';
import { RestoreId, Timestamp } from '../../backup-set/base/timestamps.ts';
import { segmentJobFields } from '../../backup-set/documents/agents.ts';
import { S3Settings, StoreSettings } from '../../storage/settings.ts';

/**
 * What the coordinator and a shipper say to each other, one JSON object a line: jobs on the shipper's standard input, reports on
 * its standard output. Secrets travel here and nowhere else. The end of standard input means that the coordinator is gone.
 */
export const CONTROL_VERSION = 1;

const Target = z.object({
  content: Content.exactOptional(),
  host: z.string(),
  port: z.int(),
  database: z.string(),
  user: z.string(),
  options: z.string().exactOptional(),
  greenplum: z.literal([6, 7]).exactOptional(),
  password: z.string().exactOptional(),
  sslmode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']).exactOptional(),
  sslrootcert: z.string().exactOptional(),
  binDir: z.string().exactOptional(),
});

/** Fields that a newer coordinator may add are ignored. */
const Store = StoreSettings.extend({ s3: S3Settings.strip().optional() }).strip();

const common = {
  control: z.literal(CONTROL_VERSION),
  content: Content,
  target: Target,
  store: Store,
  workers: Count.min(1),
  /** This shipper's share of what its host may send or read, per second; absent = as fast as it goes. */
  bytesPerSecond: Count.min(1).exactOptional(),
  /** Folder on the segment hosts under which the FIFOs of `COPY … ON SEGMENT` lie. */
  fifoBase: z.string(),
  /** The server's data directory on this host, where one is known: its owner runs the programs. */
  dataDir: z.string().exactOptional(),
};

/** The first line on a shipper's standard input. */
export const Job = z.discriminatedUnion('type', [
  z.object({
    ...common,
    type: z.literal('backup'),
    timestamp: Timestamp,
    ...segmentJobFields,
  }),
  z.object({ ...common, type: z.literal('restore'), restore: RestoreId }),
]);
export type Job = z.infer<typeof Job>;
export type BackupJob = Extract<Job, { type: 'backup' }>;
export type RestoreJob = Extract<Job, { type: 'restore' }>;

/** Later lines: an order that now exists in the bucket; another share of the host's rate; or that there will be no more orders, nor programs to collect from. */
export const Instruction = z.discriminatedUnion('type', [
  z.object({ type: z.literal('order'), phase: z.enum(PHASES) }),
  z.object({ type: z.literal('rate'), bytesPerSecond: Count.min(1) }),
  z.object({ type: z.literal('end') }),
]);
export type Instruction = z.infer<typeof Instruction>;

const Failure = z.object({
  code: z.string(),
  message: z.string(),
  relation: z.string().exactOptional(),
  object: z.string().exactOptional(),
  offset: Count.exactOptional(),
});

/** A line on a shipper's standard output. */
export const Report = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    control: z.literal(CONTROL_VERSION),
    pid: z.int(),
    tool: z.string(),
  }),
  /** Totals since the start, about twice a second. */
  z.object({
    type: z.literal('progress'),
    rows: Count,
    bytes: Count,
    storedBytes: Count,
    relation: z.string().exactOptional(),
  }),
  /** A receipt is stored. */
  z.object({
    type: z.literal('receipt'),
    attempt: Count,
    worker: Count,
    sequence: Count,
    sha256: Sha256,
    storedBytes: Count,
  }),
  /** The server has closed a relation's stream with its own count, and all its frames are in stored packs or on the way. */
  z.object({ type: z.literal('relation'), relation: Count, rows: Count, bytes: Count }),
  z.object({
    type: z.literal('ordered'),
    phase: z.enum(PHASES),
    status: z.enum(['done', 'failed']),
  }),
  z.object({ type: z.literal('failed'), ...Failure.shape }),
  /** Everything asked for is stored; the process ends with exit code 0. */
  z.object({
    type: z.literal('done'),
    peakMemoryBytes: Count,
    cpuMs: Count,
    /** How late the event loop was, 99th percentile in milliseconds; absent after a run too short to tell. */
    eventLoopDelayP99Ms: z.number().nonnegative().exactOptional(),
  }),
]);
export type Report = z.infer<typeof Report>;
