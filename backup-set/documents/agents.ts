import * as z from 'zod';
import { Attempt, Content, Count, header, IsoDate } from '../base/document.ts';
import { METADATA_FILES } from '../base/keys.ts';
import { Timestamp } from '../base/timestamps.ts';
import { Relation, ZstdLevel } from './plan.ts';
import { SealedReceipt, SealedRelations } from './seal.ts';

/** Blocks of rows of this size, and half as much again, are held in memory, a few per connection. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

const of = { timestamp: Timestamp, content: Content };

/** A relation to ship, and how large its table is: small ones are asked for together. */
const ShippedRelation = Relation.extend({ bytesEstimated: Count });

/** What one segment ships, however its shipper is told: by an order in the bucket, or as a job on its standard input. */
export const segmentJobFields = {
  attempt: Attempt,
  /** Absent = this node holds no rows. */
  snapshotId: z.string().exactOptional(),
  /** The database's own, so that no byte is ever converted. */
  encoding: z.string(),
  frameBytes: Count.min(1024).max(FRAME_BYTES_MAX),
  packBytes: Count.min(1024),
  level: ZstdLevel,
  metadata: z.array(z.enum(METADATA_FILES)),
  /** Rows come from programs that the coordinator's COPY starts here, not from a session of the shipper's. */
  collect: z.boolean(),
  /** In the order in which they should be started: biggest first. */
  relations: z.array(ShippedRelation),
};

/** orders/<content>.json of a set: what an agent ships for it. Neither secrets nor where the store is: an agent knows its own. */
export const BackupOrder = z.object({
  ...header('backup-order'),
  ...of,
  /** Whose order it is: the same content of another cluster may look into this root. */
  host: z.string(),
  port: z.int(),
  database: z.string(),
  ...segmentJobFields,
  /** An agent on which nothing moves for this long gives up. */
  overdueAfterSeconds: Count.min(1),
});
export type BackupOrder = z.infer<typeof BackupOrder>;

/**
 * claims/…/<content>.json: an agent has started with an order. If there is a claim but no receipt,
 * the order is running, or its agent was killed. The agent that takes over finds the claim and must
 * not start the order again (docs/design/0010-agents.md).
 */
export const Claim = z.object({
  ...header('claim'),
  /** Key of the order. */
  order: z.string(),
  /** Name of the agent, the same after a restart. */
  agent: z.string().min(1),
  /** Different in every process. */
  instance: z.string().min(1),
  claimedAt: IsoDate,
});
export type Claim = z.infer<typeof Claim>;

/** reports/<content>.json of a set: an agent's last word, from which the coordinator makes its part of the seal. */
export const BackupReport = z.object({
  ...header('backup-report'),
  ...of,
  status: z.enum(['shipped', 'failed']),
  finishedAt: IsoDate,
  receipts: z.array(SealedReceipt),
  relations: SealedRelations,
  totals: z.object({ rows: Count, bytes: Count, storedBytes: Count }),
  peakMemoryBytes: Count,
  failure: z.object({ code: z.string(), message: z.string() }).exactOptional(),
});
export type BackupReport = z.infer<typeof BackupReport>;

/** dispatched.json: the coordinator's last statement is over, and no program comes any more. */
export const Dispatched = z.object({
  ...header('dispatched'),
  timestamp: Timestamp,
  dispatchedAt: IsoDate,
});
