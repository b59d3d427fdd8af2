import * as z from 'zod';
import {
  ATTEMPT_MAX,
  Attempt,
  Content,
  Count,
  header,
  IsoDate,
  PartDigest,
  Sequence,
  Sha256,
  Worker,
} from '../base/document.ts';
import { fastArray, isCount } from '../base/fast-array.ts';
import { Timestamp } from '../base/timestamps.ts';

/** A receipt that counts, by the digest of its bytes: an altered one is noticed whatever it says. */
export const SealedReceipt = z.object({
  attempt: Attempt,
  worker: Worker,
  sequence: Sequence,
  sha256: Sha256,
});
export type SealedReceipt = z.infer<typeof SealedReceipt>;

/** The database's word on one relation of one segment. */
export const SealedRelation = z.object({
  relation: Count,
  attempt: Attempt,
  rows: Count,
  bytes: Count,
});
export type SealedRelation = z.infer<typeof SealedRelation>;

export const SealedRelations = fastArray(SealedRelation, ({ relation, attempt, rows, bytes }) =>
  isCount(relation) &&
  isCount(attempt) &&
  attempt > 0 &&
  attempt <= ATTEMPT_MAX &&
  isCount(rows) &&
  isCount(bytes)
    ? { relation, attempt, rows, bytes }
    : undefined,
);

/** seals/<content>.json: what the database counted on one segment, and the receipts that count. */
export const SealPart = z.object({
  ...header('seal-part'),
  timestamp: Timestamp,
  content: Content,
  receipts: z.array(SealedReceipt),
  relations: SealedRelations,
});
export type SealPart = z.infer<typeof SealPart>;

/** seal.json: the last word of the coordinator. Its parts were written before it; it pins them by their digests. */
export const Seal = z.object({
  ...header('seal'),
  timestamp: Timestamp,
  sealedAt: IsoDate,
  /** The plan that was carried out: a changed column or name in it would load rows wrongly. */
  planSha256: Sha256,
  outcome: z.enum(['counted', 'failed']),
  contents: z.array(z.object({ content: Content, part: PartDigest })),
  /** Dispatch only: what the coordinator counted over all contents, which closes the relation. */
  dispatched: z.array(z.object({ relation: Count, rows: Count })).exactOptional(),
  failures: z.array(
    z.object({ content: Content.exactOptional(), code: z.string(), message: z.string() }),
  ),
});
export type Seal = z.infer<typeof Seal>;
