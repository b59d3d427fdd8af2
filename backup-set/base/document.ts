import { createHash } from 'node:crypto';
import * as z from 'zod';
// Not by z.core: the whole of it would come with every locale, a third of a megabyte in each function.
import { toDotPath } from 'zod/v4/core';
import { StowageError } from './errors.ts';

/** The one version of the format that this program writes and reads (docs/format.md). */
export const FORMAT_VERSION = 0;

/** Upper bounds for documents read from storage: what is larger is not ours. */
export const DOCUMENT_BYTES_MAX = 512 * 1024 * 1024;
export const RECEIPT_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Of the documents that stand for a whole set (plan, seal, manifest, verdicts): parsing takes three to four times their
 * size, and a function of 1,769 MB that is made to read them must outlive it.
 */
export const HEAD_BYTES_MAX = 256 * 1024 * 1024;
/** A plan ends below that, as the manifest says more of every relation: about a million tables. */
export const PLAN_BYTES_MAX = 80 * 1024 * 1024;
/**
 * A pack ends at this many frames even when it has room for more: rows that compress a thousandfold would otherwise
 * give a receipt past its bound, and a sound set that nobody can read.
 */
export const EXTENTS_MAX = 100_000;
/**
 * Extents that one order can name: at some 150 bytes each, more would pass DOCUMENT_BYTES_MAX (docs/scale.md).
 */
export const ORDER_EXTENTS_MAX = 3_000_000;
/** Extents that one content can have: at some 100 bytes each, a part of the manifest with more could be neither written nor read. */
export const PART_EXTENTS_MAX = 4_000_000;
/** More problems than this help nobody; the total is kept beside the list. */
export const PROBLEMS_MAX = 1000;

/** What servers allow: 63 bytes unless they were built otherwise. */
export const NAME_CHARS_MAX = 1024;
/** S3's limit in bytes. */
export const KEY_CHARS_MAX = 1024;

/** The two fields every document starts with. */
export const header = <Kind extends string>(kind: Kind) => ({
  format: z.literal(`stowage/${kind}`),
  version: z.literal(FORMAT_VERSION),
});

/** `-0` is the one JSON integer that does not come back from a round trip. */
const notMinusZero = (number: number) => !Object.is(number, -0);

export const Count = z.int().nonnegative().refine(notMinusZero, 'negative zero');
export const Content = z.int().min(-1).max(999_999).refine(notMinusZero, 'negative zero');
/** What a key's name has room for (keys.ts): a number beyond would make a key that nothing lists. */
export const ATTEMPT_MAX = 9999;
export const Attempt = Count.min(1).max(ATTEMPT_MAX);
export const Worker = Count.max(9999);
export const Sequence = Count.min(1).max(999_999);
export const Crc32 = z.string().regex(/^[0-9a-f]{8}$/);
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** What pins one content's part down in the document that names it. */
export const PartDigest = z.object({ sha256: Sha256, bytes: Count });
export type PartDigest = z.infer<typeof PartDigest>;
export const IsoDate = z.iso.datetime();
const Identifier = z.string().min(1).max(NAME_CHARS_MAX);
export const Name = z.object({ schema: Identifier, name: Identifier });
export type Name = z.infer<typeof Name>;

/** A document and the key it was read from. */
export interface RawDocument {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** What was read from each key: one entry, or several when different bytes claim the same key. */
export type DocumentIndex = ReadonlyMap<string, readonly RawDocument[]>;

/** Indexes documents by key; neither their order nor exact duplicates leave a trace. */
export function indexByKey(documents: Iterable<RawDocument>): DocumentIndex {
  const index = new Map<string, RawDocument[]>();
  for (const document of documents) {
    const known = index.get(document.key);
    if (known === undefined) index.set(document.key, [document]);
    else if (!known.some(({ bytes }) => sameBytes(bytes, document.bytes))) known.push(document);
  }
  return index;
}

const sameBytes = (a: Uint8Array, b: Uint8Array) =>
  a === b || (a.length === b.length && a.every((byte, at) => byte === b[at]));

/** The bytes of a document; field order is the schema's, so equal documents are equal bytes. */
export function encode<Schema extends z.ZodType>(
  schema: Schema,
  document: z.input<Schema>,
): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(schema.parse(document))}\n`);
}

/** @throws StowageError `set/unreadable` naming the key and the first field that is wrong. */
export function decode<Schema extends z.ZodType>(
  schema: Schema,
  { key, bytes }: RawDocument,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new StowageError('set/unreadable', `${key} is not JSON`, {
      cause,
      where: { object: key },
    });
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined ? '' : toDotPath(issue.path);
  throw new StowageError(
    'set/unreadable',
    `${key}: field ${field || '(document)'}: ${issue?.message ?? 'ill-formed'}`,
    {
      cause: result.error,
      where: { object: key, field },
    },
  );
}

export function digestOf(bytes: Uint8Array): PartDigest {
  return { sha256: sha256(bytes), bytes: bytes.length };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
