import { createHash } from 'node:crypto';
import * as z from 'zod';
// Not z.core: it would add all locales, a third of a megabyte, to the bundle of each function.
import { toDotPath } from 'zod/v4/core';
import { StowageError } from './errors.ts';
import { misplacedField } from './keys/misplaced.ts';
import { TOOL } from './tool.ts';
import { plural } from './words.ts';

/** The only version of the format that this program writes and reads (docs/format.md). */
export const FORMAT_VERSION = 1;

/** Upper bounds for documents read from storage: Stowage does not write larger ones. */
export const DOCUMENT_BYTES_MAX = 512 * 1024 * 1024;
export const RECEIPT_BYTES_MAX = 16 * 1024 * 1024;
/**
 * Bound on documents about a whole set (plan, seal, manifest, verdicts). Parsing takes three to
 * four times their size, and must fit into the memory of a function (1,769 MB).
 */
export const HEAD_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Bound on a plan: about half a million tables. It is lower than HEAD_BYTES_MAX because the
 * manifest has more fields for every relation.
 */
export const PLAN_BYTES_MAX = 80 * 1024 * 1024;
/**
 * Frames in a pack. Rows that compress a thousandfold would otherwise give a receipt larger than
 * RECEIPT_BYTES_MAX, which no program could read.
 */
export const EXTENTS_MAX = 100_000;
/**
 * Extents in an order: with about 150 bytes each, more exceed DOCUMENT_BYTES_MAX (docs/scale.md).
 */
export const ORDER_EXTENTS_MAX = 3_000_000;
/**
 * Extents of a content: with about 145 bytes each, a part of the manifest with more of them would
 * exceed DOCUMENT_BYTES_MAX.
 */
export const PART_EXTENTS_MAX = 3_000_000;
/** Wrong fields of a document that an error keeps. */
const ISSUES_MAX = 10;
/** Problems in a list. A document also has the total number. */
export const PROBLEMS_MAX = 1000;

/**
 * Bound on names of relations: servers allow 63 bytes unless they were built with another limit.
 */
export const NAME_CHARS_MAX = 1024;
/** The limit of S3, in bytes. */
export const KEY_CHARS_MAX = 1024;

/** The first two fields of every document. */
export const header = <Kind extends string>(kind: Kind) => ({
  format: z.literal(`stowage/${kind}`),
  version: z.literal(FORMAT_VERSION),
});

/** `-0` is the only JSON integer that a round trip changes. */
const notMinusZero = (number: number) => !Object.is(number, -0);

export const Count = z.int().nonnegative().refine(notMinusZero, 'negative zero');
export const Content = z.int().min(-1).max(999_999).refine(notMinusZero, 'negative zero');
/** Keys have four digits for it (keys.ts): a larger number would give a key that is not parsed. */
export const ATTEMPT_MAX = 9999;
export const Attempt = Count.min(1).max(ATTEMPT_MAX);
export const Worker = Count.max(9999);
export const Sequence = Count.min(1).max(999_999);
export const Crc32 = z.string().regex(/^[0-9a-f]{8}$/);
/** Of the rows of a frame: the first 24 bytes of their SHA-256, in base64url. */
export const Digest = z.string().regex(/^[\w-]{32}$/);
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Identifies one content's part of a seal or manifest, in that seal or manifest. */
export const PartDigest = z.object({ sha256: Sha256, bytes: Count });
export type PartDigest = z.infer<typeof PartDigest>;
export const IsoDate = z.iso.datetime();
/**
 * The last two fields of a document that a command has signed for its agents, of the bytes before
 * them and of the place of the document (docs/format.md, Signed orders).
 */
export const signatureFields = {
  signedBy: z.string().exactOptional(),
  signature: z.string().exactOptional(),
};
const Identifier = z.string().min(1).max(NAME_CHARS_MAX);
export const Name = z.object({ schema: Identifier, name: Identifier });
export type Name = z.infer<typeof Name>;

/** The bytes of a document, and the key they were read from. */
export interface RawDocument {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** Documents by key: one entry, or several if reads of one key returned different bytes. */
export type DocumentIndex = ReadonlyMap<string, readonly RawDocument[]>;

/** Indexes documents by key. Order and exact duplicates make no difference. */
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

/**
 * The bytes of a document. Fields are in the order of the schema: equal documents give equal bytes.
 */
export function encode<Schema extends z.ZodType>(
  schema: Schema,
  document: z.input<Schema>,
): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(schema.parse(document))}\n`);
}

/**
 * Parses a document, and compares it with its key: the document of another set or content is not
 * the one that the key names.
 * @throws StowageError `set/unreadable` with the key and the first wrong field.
 */
export function decode<Schema extends z.ZodType>(
  schema: Schema,
  raw: RawDocument,
): z.output<Schema> {
  const document = decodeAnywhere(schema, raw);
  const wrong = misplacedField(raw.key, document);
  if (wrong === undefined) return document;
  throw new StowageError(
    'set/unreadable',
    `${raw.key}: ${wrong.message}: it is the document of another place`,
    { where: { object: raw.key, field: wrong.field } },
  );
}

/** As `decode`, for a caller that compares the document with its key itself. */
export function decodeAnywhere<Schema extends z.ZodType>(
  schema: Schema,
  { key, bytes }: RawDocument,
): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new StowageError(
      'set/unreadable',
      `${key} is not JSON (it has ${plural(bytes.length, 'byte')})`,
      {
        cause,
        where: { object: key },
      },
    );
  }
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = issue === undefined ? '' : toDotPath(issue.path);
  throw new StowageError(
    'set/unreadable',
    otherVersion(json, key) ??
      `${key}: field ${field || '(document)'}: ${issue?.message ?? 'ill-formed'}`,
    {
      // A document with a million wrong fields must not make a message of a gigabyte.
      cause: new z.ZodError(result.error.issues.slice(0, ISSUES_MAX)),
      where: { object: key, field },
    },
  );
}

const Versioned = z.object({ format: z.string().startsWith('stowage/'), version: z.int() });

/** What to do about a document of another version of the format; undefined when it is of ours. */
function otherVersion(json: unknown, key: string): string | undefined {
  const { data } = Versioned.safeParse(json);
  if (data === undefined || data.version === FORMAT_VERSION) return undefined;
  const advice =
    data.version > FORMAT_VERSION
      ? 'install a newer version of Stowage'
      : 'it was written before the format had its first version, and no release reads it';
  return `${key}: field version: the document has version ${data.version} of the format, and this program (${TOOL}) reads version ${FORMAT_VERSION}: ${advice}`;
}

export function digestOf(bytes: Uint8Array): PartDigest {
  return { sha256: sha256(bytes), bytes: bytes.length };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
