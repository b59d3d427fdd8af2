import * as z from 'zod';
import {
  ATTEMPT_MAX,
  Attempt,
  Content,
  Count,
  header,
  IsoDate,
  PartDigest,
  type RawDocument,
  Sequence,
  Sha256,
  Worker,
} from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { failure, type Result } from '../base/result.ts';
import { Timestamp } from '../base/timestamps.ts';
import type { Problem } from '../base/verdict.ts';
import { plural } from '../base/words.ts';
import { fastArray, isCount, isRowFormat } from './fast-array.ts';
import { KeyId } from './keys/set-key.ts';
import { readPinned } from './pinned.ts';
import { type Plan, Ranges } from './plan.ts';
import { RowFormat } from './receipt.ts';

/** A receipt that counts. The digest of its bytes detects any change. */
export const SealedReceipt = z.object({
  attempt: Attempt,
  worker: Worker,
  sequence: Sequence,
  sha256: Sha256,
});
export type SealedReceipt = z.infer<typeof SealedReceipt>;

/** What the database counted for one relation of one content, and the attempt that counts. */
export const SealedRelation = z.object({
  relation: Count,
  attempt: Attempt,
  rows: Count,
  bytes: Count,
  /** Extents with another format do not count. */
  rowFormat: RowFormat.exactOptional(),
  /** Not read: a witness proves that the rows are those of the base. */
  carried: z.literal(true).exactOptional(),
  /** Read in ranges of blocks: the counts are of these. Absent = of the whole table. */
  ranges: Ranges.exactOptional(),
});
export type SealedRelation = z.infer<typeof SealedRelation>;

export const SealedRelations = fastArray(
  SealedRelation,
  ({ relation, attempt, rows, bytes, rowFormat, carried, ranges }) =>
    isCount(relation) &&
    isCount(attempt) &&
    attempt > 0 &&
    attempt <= ATTEMPT_MAX &&
    isCount(rows) &&
    isCount(bytes) &&
    isRowFormat(rowFormat) &&
    isCarried(carried) &&
    isRangeList(ranges)
      ? {
          relation,
          attempt,
          rows,
          bytes,
          ...(rowFormat && { rowFormat }),
          ...(carried && { carried }),
          ...(ranges && { ranges }),
        }
      : undefined,
);

const isRangeList = (value: unknown): value is Ranges | undefined =>
  value === undefined || Ranges.safeParse(value).success;

function isCarried(value: unknown): value is true | undefined {
  return value === undefined || value === true;
}

/** seals/<content>.json: what the database counted for one content, and the receipts that count. */
export const SealPart = z.object({
  ...header('seal-part'),
  timestamp: Timestamp,
  content: Content,
  receipts: z.array(SealedReceipt),
  relations: SealedRelations,
});
export type SealPart = z.infer<typeof SealPart>;

/**
 * seal.json: the coordinator ends the backup with it. It is written after its parts and pins them
 * by their digests.
 */
export const Seal = z.object({
  ...header('seal'),
  timestamp: Timestamp,
  sealedAt: IsoDate,
  /** Digest of the plan: a changed column or name in the plan would load rows wrongly. */
  planSha256: Sha256,
  outcome: z.enum(['counted', 'failed']),
  contents: z.array(z.object({ content: Content, part: PartDigest })),
  /** Dispatch only: rows of a relation that the coordinator counted over all contents. */
  dispatched: z.array(z.object({ relation: Count, rows: Count })).exactOptional(),
  failures: z.array(
    z.object({ content: Content.exactOptional(), code: z.string(), message: z.string() }),
  ),
  /**
   * Of an encrypted increment of gpbackup: the keys of hosts that sealed the files of its older
   * sets. Such a set can expire and leave files without a plan that names their keys.
   */
  older: z
    .array(z.object({ timestamp: Timestamp, hostKeys: z.array(KeyId).min(1) }))
    .exactOptional(),
  /**
   * Of the conversion of an encrypted set, before the other macs: HMAC of the bytes that the
   * document has without the three, under a key from the key of that set.
   */
  originalMac: Sha256.exactOptional(),
  /**
   * Encrypted sets only, before `mac`: HMAC of the bytes that the document has without both, under
   * a key from the digest key. It shows a coordinator, which has no key of older sets, its own.
   */
  coordinatorMac: Sha256.exactOptional(),
  /** Encrypted sets only. The last field: HMAC of the bytes that the document has without it. */
  mac: Sha256.exactOptional(),
});
export type Seal = z.infer<typeof Seal>;

/** A seal, and the plan of its set. */
interface SealedPlan {
  readonly plan: Pick<Plan, 'timestamp'>;
  readonly seal: Pick<Seal, 'contents'>;
}

/**
 * The part of a seal for one content, if it is the one that the seal pins.
 * @param candidates what was read from its key; documents with other keys are ignored.
 */
export function pinnedSealPart(
  { plan: { timestamp }, seal: { contents } }: SealedPlan,
  content: number,
  candidates: readonly RawDocument[],
): Result<SealPart, Problem> {
  const named = contents.filter((candidate) => candidate.content === content);
  const [only] = named;
  if (only === undefined || named.length > 1) {
    const message = `the seal lists this content ${plural(named.length, 'time')} instead of once`;
    return failure({ code: 'content-missing', content, message });
  }
  return readPinned(SealPart, candidates, {
    key: formatKey({ kind: 'seal-part', timestamp, content }),
    pin: { sha256: only.part.sha256, by: 'seal' },
    codes: { missing: 'content-missing' },
    content,
  });
}

/** Keys of the receipts that count: the fold reads no others. */
export function receiptKeysOf({ timestamp, content, receipts }: SealPart): string[] {
  return receipts.map(({ attempt, worker, sequence }) =>
    formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence }),
  );
}

/** Estimates the number of extents of a content, and so its memory, before a receipt is read. */
export function expectedExtents(
  { frameBytes }: Pick<Plan, 'frameBytes'>,
  { relations }: Pick<SealPart, 'relations'>,
): number {
  return relations.reduce((sum, { bytes }) => sum + Math.ceil(bytes / Math.max(1, frameBytes)), 0);
}
