import * as z from 'zod';
import { Content, Count, Sha256 } from '../../backup-set/base/document.ts';
import { PHASES } from '../../backup-set/base/keys.ts';
import { RestoreId, Timestamp } from '../../backup-set/base/timestamps.ts';
import { segmentJobFields } from '../../backup-set/documents/agents.ts';
import { isCount } from '../../backup-set/documents/fast-array.ts';
import { Ranges } from '../../backup-set/documents/plan.ts';
import { RowFormat } from '../../backup-set/documents/receipt.ts';
import { connectionFields, Host, Port } from '../../database/connection-settings.ts';
import { GREENPLUM_MAJORS } from '../../database/greenplum/majors.ts';
import { S3Settings, StoreSettings } from '../../storage/settings.ts';

/**
 * The protocol between the coordinator and a shipper, one JSON object per line: the job and the
 * instructions on the shipper's standard input, reports on its standard output. Secrets are sent
 * here and nowhere else. The end of standard input means that the coordinator has died.
 */
export const CONTROL_VERSION = 2;

const Target = z.object({
  content: Content.exactOptional(),
  ...connectionFields,
  host: Host,
  port: Port,
  database: z.string(),
  user: z.string(),
  options: z.string().exactOptional(),
  greenplum: z.literal(GREENPLUM_MAJORS).exactOptional(),
  ordinaryOnly: z.literal(true).exactOptional(),
  password: z.string().exactOptional(),
  stallSeconds: z.number().positive().exactOptional(),
});

/** Fields that a newer coordinator may add are ignored. */
const Store = StoreSettings.extend({ s3: S3Settings.strip().optional() }).strip();

const common = {
  control: z.literal(CONTROL_VERSION),
  content: Content,
  target: Target,
  store: Store,
  workers: Count.min(1),
  /** This shipper's share of the rate limit of its host; absent = no limit. */
  bytesPerSecond: Count.min(1).exactOptional(),
  /** Parent folder, on the segment hosts, of the FIFOs of `COPY … ON SEGMENT`. */
  fifoBase: z.string(),
  /** The server's data directory on this host: the server's programs run as its owner. */
  dataDir: z.string().exactOptional(),
};

const Key = z.base64().length(44);

/** What a shipper encrypts its content with. */
export const SealingKeys = z.object({
  key: Key,
  /** Absent = extents get no digests. */
  digestKey: Key.exactOptional(),
});
export type SealingKeys = z.infer<typeof SealingKeys>;

/** The first line on a shipper's standard input. */
export const Job = z.discriminatedUnion('type', [
  z.object({
    ...common,
    type: z.literal('backup'),
    timestamp: Timestamp,
    /** Lines `base` follow, and `base-end`: the shipper waits for them before its first row. */
    base: z.object({ extentsMax: Count }).exactOptional(),
    /** The set is encrypted: the keys of this content of it. */
    sealing: SealingKeys.exactOptional(),
    ...segmentJobFields,
  }),
  z.object({
    ...common,
    type: z.literal('restore'),
    restore: RestoreId,
    /** The set is encrypted: the keys of the contents that this shipper reads. */
    keys: z.array(z.object({ timestamp: Timestamp, content: Content, key: Key })).exactOptional(),
  }),
  /** Before a backup: whether this host reaches the server, and can dump it. */
  z.object({
    ...common,
    type: z.literal('check'),
    systemIdentifier: z.string().exactOptional(),
    dumps: z.boolean(),
    /** Whether the coordinator also wants the report `checked`. */
    describe: z.boolean().exactOptional(),
  }),
]);
export type Job = z.infer<typeof Job>;
export type BackupJob = Extract<Job, { type: 'backup' }>;
export type RestoreJob = Extract<Job, { type: 'restore' }>;

/** Extents in a line `base`. */
export const BASE_LINE_EXTENTS_MAX = 1_000;

/** A schema per number would take most of the time and memory of a line. */
const isNumbers = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= BASE_LINE_EXTENTS_MAX && value.every(isCount);

/** Frames of the base with rows of this relation: the shipper need not store such rows again. */
export const BaseExtents = z.object({
  type: z.literal('base'),
  relation: Count,
  rowFormat: RowFormat.exactOptional(),
  /** Number of each extent in the base's part. */
  from: z.custom<readonly number[]>(isNumbers, 'not numbers of extents'),
  /** Their digests, one after the other. */
  digests: z.string(),
});
export type BaseExtents = z.infer<typeof BaseExtents>;

/**
 * The later lines. `order`: the order of this phase is now in the bucket. `rate`: a new share of
 * the host's rate limit. `base`, `base-end`: frames of the base. `end`: no more orders follow, and
 * no more programs start.
 */
export const Instruction = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('order'),
    phase: z.enum(PHASES),
    /** Of the bytes of the order that follows from the proven set: another one is refused. */
    sha256: Sha256.exactOptional(),
  }),
  z.object({ type: z.literal('rate'), bytesPerSecond: Count.min(1) }),
  z.object({ type: z.literal('end') }),
  BaseExtents,
  z.object({ type: z.literal('base-end') }),
]);
export type Instruction = z.infer<typeof Instruction>;
export type AnnouncedOrder = Omit<Extract<Instruction, { type: 'order' }>, 'type'>;

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
    /** The version of Node that runs it. */
    node: z.string().exactOptional(),
    /** It knows the lines `base`. Absent = a shipper of an earlier program. */
    carries: z.literal(true).exactOptional(),
    /** It compares orders with the digests that it gets. Absent = one of an earlier program. */
    provesOrders: z.literal(true).exactOptional(),
  }),
  /** What a check has found on this host, where the job asks for it. */
  z.object({
    type: z.literal('checked'),
    /** Without a version: no program fits the server. */
    programs: z.array(z.object({ name: z.string(), version: z.string().exactOptional() })),
    advice: z.string().exactOptional(),
  }),
  /** Totals since the start, about twice a second. */
  z.object({
    type: z.literal('progress'),
    rows: Count,
    bytes: Count,
    storedBytes: Count,
    relationsLoaded: Count,
    relation: z.string().exactOptional(),
    /** Relations under way, this one too. */
    underWay: Count.exactOptional(),
    /** Of the order under way: schema objects that are made, or tables that are analyzed. */
    objectsDone: Count.exactOptional(),
    objectsPlanned: Count.exactOptional(),
    /** Of the rows that making these objects reads. */
    objectBytesDone: Count.exactOptional(),
    objectBytesPlanned: Count.exactOptional(),
    /** Of the shipper's process; absent while the store has answered every request at once. */
    storage: z.object({ throttled: Count, failed: Count, throttledMs: Count }).exactOptional(),
  }),
  /** A receipt has been stored. */
  z.object({
    type: z.literal('receipt'),
    attempt: Count,
    worker: Count,
    sequence: Count,
    sha256: Sha256,
    storedBytes: Count,
    /** Of a receipt of carried rows. */
    carriedBytes: Count.exactOptional(),
  }),
  /**
   * The server's own row count matches what was received, and all frames of the relation are in
   * stored packs or in packs that are being uploaded.
   */
  z.object({
    type: z.literal('relation'),
    relation: Count,
    rows: Count,
    bytes: Count,
    rowFormat: RowFormat.exactOptional(),
    /** Read in ranges of blocks: these. */
    ranges: Ranges.exactOptional(),
  }),
  /** A server has been silent for stallSeconds, and shows that the work goes on. */
  z.object({ type: z.literal('silent'), message: z.string() }),
  z.object({
    type: z.literal('ordered'),
    phase: z.enum(PHASES),
    status: z.enum(['done', 'failed']),
  }),
  z.object({ type: z.literal('failed'), ...Failure.shape }),
  /** The whole job is done; the process then ends with exit code 0. */
  z.object({
    type: z.literal('done'),
    peakMemoryBytes: Count,
    cpuMs: Count,
    /** 99th percentile of the event loop's delay; absent after a run too short to measure it. */
    eventLoopDelayP99Ms: z.number().nonnegative().exactOptional(),
  }),
]);
export type Report = z.infer<typeof Report>;
