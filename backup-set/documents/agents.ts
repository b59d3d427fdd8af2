import * as z from 'zod';
import {
  Attempt,
  Content,
  Count,
  header,
  IsoDate,
  PartDigest,
  signatureFields,
} from '../base/document.ts';
import { METADATA_FILES } from '../base/keys.ts';
import { Timestamp } from '../base/timestamps.ts';
import { Ranges, Relation, ZstdLevel } from './plan.ts';
import { SealedReceipt, SealedRelations } from './seal.ts';

/** A shipper holds a few blocks of 1.5 times this size in memory per connection. */
export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** A day. The server's own limit for lock_timeout is not far above it. */
export const LOCK_WAIT_MS_MAX = 86_400_000;

const setContent = { timestamp: Timestamp, content: Content };

/**
 * A relation to ship, with the estimated size of its table: small ones are read together. Without
 * the plan's `condition`, which is SQL: the shipper reads it from the database's own catalogs.
 */
const ShippedRelation = Relation.omit({ condition: true }).extend({
  bytesEstimated: Count,
  /** Read it in ranges of that many blocks, `count` in all, and only those in `read`. */
  ranges: z.object({ blocks: Count.min(1), count: Count.min(1), read: Ranges }).exactOptional(),
});
export type ShippedRelation = z.infer<typeof ShippedRelation>;

/** What one segment ships. A shipper gets it in an order in the store, or as a job on its stdin. */
export const segmentJobFields = {
  attempt: Attempt,
  /** Absent = this segment has no rows. */
  snapshotId: z.string().exactOptional(),
  /** Encoding of the database, so that the server converts no byte. */
  encoding: z.string(),
  frameBytes: Count.min(1024).max(FRAME_BYTES_MAX),
  packBytes: Count.min(1024),
  level: ZstdLevel,
  metadata: z.array(z.enum(METADATA_FILES)),
  /**
   * True if programs that the coordinator's COPY starts on this host write the rows to the shipper.
   */
  collect: z.boolean(),
  /** How long a session may wait for a lock of another program; absent = 20 s. */
  lockWaitMs: Count.min(1).max(LOCK_WAIT_MS_MAX).exactOptional(),
  /** In the order in which the shipper starts them: largest first. */
  relations: z.array(ShippedRelation),
};

/**
 * orders/<content>.json of a set: what an agent ships for it. It has no readable secrets and no
 * store address: an agent has them in its own configuration.
 */
const BackupOrderFields = z.object({
  ...header('backup-order'),
  /**
   * `sealed-…`: of an encrypted set. Agents that cannot encrypt must not take it for a plain one.
   */
  format: z.enum(['stowage/backup-order', 'stowage/sealed-backup-order']),
  ...setContent,
  /**
   * Identify the segment: a segment with the same content in another cluster may read this root.
   */
  host: z.string(),
  port: z.int(),
  /** As in the plan: the agent refuses another server. */
  systemIdentifier: z.string().exactOptional(),
  database: z.string(),
  ...segmentJobFields,
  /**
   * base/<content>.json, whose frames the agent need not store again; of packs of which the base
   * uses at least this share. Absent = all rows are stored.
   */
  base: PartDigest.extend({ packUseMin: z.number().min(0).max(1) }).exactOptional(),
  /** The agent fails the order when nothing moves for this time. */
  overdueAfterSeconds: Count.min(1),
  /** Of an encrypted set: the keys of the content, wrapped for the recipient of its agent. */
  sealing: z.string().exactOptional(),
  ...signatureFields,
});
export const BackupOrder = BackupOrderFields.refine(
  ({ format, sealing }) => (format === 'stowage/sealed-backup-order') === (sealing !== undefined),
  'must have wrapped keys exactly when it is of an encrypted set',
);
export type BackupOrder = z.infer<typeof BackupOrder>;

/**
 * Which agent a backup order is for. All that an agent takes from one that it does not obey: there
 * it must not meet a list of a million wrong fields.
 */
export const BackupAddress = BackupOrderFields.pick({
  ...{ format: true, version: true, timestamp: true, content: true, host: true, port: true },
  attempt: true,
});
export type BackupAddress = z.infer<typeof BackupAddress>;

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

/**
 * reports/<content>.json of a set: how an agent's order ended. The coordinator makes the part of
 * the seal for this content from it.
 */
export const BackupReport = z.object({
  ...header('backup-report'),
  ...setContent,
  status: z.enum(['shipped', 'failed']),
  finishedAt: IsoDate,
  receipts: z.array(SealedReceipt),
  relations: SealedRelations,
  totals: z.object({
    rows: Count,
    bytes: Count,
    storedBytes: Count,
    /** With a base: rows that are carried, and objects that were stored. */
    carriedBytes: Count.exactOptional(),
    objects: Count.exactOptional(),
  }),
  /** Why no frame of the base was used. */
  baseUnused: z.object({ code: z.string(), message: z.string() }).exactOptional(),
  peakMemoryBytes: Count,
  failure: z.object({ code: z.string(), message: z.string() }).exactOptional(),
});
export type BackupReport = z.infer<typeof BackupReport>;

/**
 * dispatched.json: the coordinator's last statement has ended, so that no more programs connect.
 */
export const Dispatched = z.object({
  ...header('dispatched'),
  timestamp: Timestamp,
  dispatchedAt: IsoDate,
  ...signatureFields,
});
