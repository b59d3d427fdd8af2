import * as z from 'zod';
import { Attempt, Content, Count, header, IsoDate, Sequence, Sha256, Worker } from './documents.ts';
import { Timestamp } from './timestamps.ts';

/** A receipt that counts, by the digest of its bytes: an altered one is noticed whatever it says. */
export const SealedReceipt = z.object({
  attempt: Attempt,
  worker: Worker,
  sequence: Sequence,
  sha256: Sha256,
});
export type SealedReceipt = z.infer<typeof SealedReceipt>;

/** The database's word on one relation of one segment. */
export const SealedRelation = z.object({ relation: Count, attempt: Attempt, rows: Count, bytes: Count });
export type SealedRelation = z.infer<typeof SealedRelation>;

export const SealedContent = z.object({
  content: Content,
  receipts: z.array(SealedReceipt),
  relations: z.array(SealedRelation),
});
export type SealedContent = z.infer<typeof SealedContent>;

/** seal.json: what the database itself counted, and which attempts count. */
export const Seal = z.object({
  ...header('seal'),
  timestamp: Timestamp,
  sealedAt: IsoDate,
  /** The plan that was carried out: a changed column or name in it would load rows wrongly. */
  planSha256: Sha256,
  outcome: z.enum(['counted', 'failed']),
  contents: z.array(SealedContent),
  /** Dispatch only: what the coordinator counted over all contents, which closes the relation. */
  dispatched: z.array(z.object({ relation: Count, rows: Count })).exactOptional(),
  failures: z.array(z.object({ content: Content.exactOptional(), code: z.string(), message: z.string() })),
});
export type Seal = z.infer<typeof Seal>;
