import * as z from 'zod';
import { header, IsoDate } from '../../base/document.ts';
import { Timestamp } from '../../base/timestamps.ts';

/** Bound on a key document: some hundred recipients. */
export const SET_KEY_BYTES_MAX = 1024 * 1024;
export const RECIPIENTS_MAX = 64;

/** Computed from the key of a set: shows that a key is this set's, and tells nothing about it. */
export const KeyId = z.string().regex(/^[0-9a-f]{32}$/);

/** The ARN of a key of AWS KMS, which has its region. */
export const KmsKeyArn = z.string().regex(/^arn:[\w-]+:kms:[\w-]+:\d{12}:key\/[\w-]+$/);

/** A holder of a key that opens the set. */
export const SetKeyRecipient = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('age'), recipient: z.string().min(1).max(200) }),
  z.object({ kind: z.literal('kms'), keyArn: KmsKeyArn }),
]);
export type SetKeyRecipient = z.infer<typeof SetKeyRecipient>;

/**
 * keys/<instant>.json of a set: the key of the set, wrapped for each recipient
 * (docs/format.md, Keys of encrypted sets). Any one of the documents opens the set.
 * keys/host-<keyId>-<instant>.json: the same for a key of a host.
 */
export const SetKeyDocument = z.object({
  ...header('set-key'),
  timestamp: Timestamp,
  /** As in the plan: of the set key, or of a key of a host. */
  keyId: KeyId,
  /** Of a key of a host only, as in the payload: the coordinator compares it with its own. */
  root: z.string().min(1).exactOptional(),
  wrappedAt: IsoDate,
  recipients: z.array(SetKeyRecipient).min(1).max(RECIPIENTS_MAX),
  /** A file of age, in its armor, for all age recipients. */
  age: z.string().exactOptional(),
  /** Answers of KMS; `ciphertext` in base64. */
  kms: z
    .array(z.object({ keyArn: KmsKeyArn, ciphertext: z.base64().max(16_384) }))
    .max(RECIPIENTS_MAX)
    .exactOptional(),
});
export type SetKeyDocument = z.infer<typeof SetKeyDocument>;

/** What is wrapped, as one line of JSON: a document that was moved names another set or root. */
export const WrappedSetKey = z.object({
  timestamp: Timestamp,
  /** Of the plan. A copy of the set keeps it. */
  root: z.string().min(1),
  /** 32 bytes in base64. */
  key: z.string().regex(/^[A-Za-z0-9+/]{43}=$/),
});
export type WrappedSetKey = z.infer<typeof WrappedSetKey>;
