import * as z from 'zod';
import { Content, header, IsoDate, Sha256, signatureFields } from '../../base/document.ts';
import { PHASES } from '../../base/keys.ts';
import { RestoreId, Timestamp } from '../../base/timestamps.ts';

/** 32 bytes in base64. */
const Key = z.string().regex(/^[A-Za-z0-9+/]{43}=$/);

/** Bound on the wrapped keys of one content of a restore: some thousand sets and contents. */
export const RESTORE_KEYS_BYTES_MAX = 16 * 1024 * 1024;

/**
 * What a backup order has wrapped for its agent, as one line of JSON: the order of another set,
 * root or content is refused.
 */
export const WrappedSealing = z.object({
  timestamp: Timestamp,
  /** Of the plan. */
  root: z.string().min(1),
  content: Content,
  key: Key,
  /** Absent = extents get no digests. */
  digestKey: Key.exactOptional(),
});
export type WrappedSealing = z.infer<typeof WrappedSealing>;

/** keys/<content>.json of a restore: the keys of what an agent reads for this content. */
export const RestoreKeys = z.object({
  ...header('restore-keys'),
  id: RestoreId,
  content: Content,
  /** A file of age, in its armor, for the agent's recipient. */
  age: z.string(),
});
export type RestoreKeys = z.infer<typeof RestoreKeys>;

/** What such a document has wrapped. */
export const WrappedRestoreKeys = z.object({
  id: RestoreId,
  /** Where the restore was requested. */
  root: z.string().min(1),
  content: Content,
  /** Of contents of the set, and of the older sets whose packs it uses. */
  keys: z.array(z.object({ timestamp: Timestamp, content: Content, key: Key })),
  /**
   * Digests of the orders that the agent may carry out with these keys. Orders lie in the bucket
   * in clear; only a program that has the keys can wrap them beside other digests. Absent = a
   * command of an earlier version, which an agent refuses.
   */
  orders: z.array(z.object({ phase: z.enum(PHASES), sha256: Sha256 })).exactOptional(),
});
export type WrappedRestoreKeys = z.infer<typeof WrappedRestoreKeys>;

/**
 * keys/signed.json of a restore: what agents that name a public key may do in it. It is stored
 * before the request, with a signature of the command.
 */
export const SignedRestore = z.object({
  ...header('signed-restore'),
  id: RestoreId,
  signedAt: IsoDate,
  /** Of the bytes of request.json. */
  requestSha256: Sha256,
  /** Of the bytes of keys/<content>.json, of an encrypted set. */
  keys: z.array(z.object({ content: Content, sha256: Sha256 })),
  /** Of the bytes of orders/<phase>/<content>.json, as the functions will make them. */
  orders: z.array(z.object({ phase: z.enum(PHASES), content: Content, sha256: Sha256 })),
  ...signatureFields,
});
export type SignedRestore = z.infer<typeof SignedRestore>;
