import * as z from 'zod';
import {
  Attempt,
  Content,
  Count,
  Crc32,
  Digest,
  header,
  IsoDate,
  KEY_CHARS_MAX,
  Sequence,
  Worker,
} from '../base/document.ts';
import { METADATA_FILES } from '../base/keys.ts';
import { Timestamp } from '../base/timestamps.ts';
import { plural } from '../base/words.ts';
import { storedFile } from '../files/names.ts';
import { fastArray, isCount, isCrc32, isDigest, isRowFormat } from './fast-array.ts';
import { KeyId } from './keys/set-key.ts';

/**
 * COPY BINARY, for rows that are too long for COPY text. Absent = COPY text. All rows of a relation
 * in one content have one format.
 */
export const RowFormat = z.literal('binary');
export type RowFormat = z.infer<typeof RowFormat>;

/** One frame: its place in the pack, and what it contains. `bytes` is the size of its rows. */
export const Extent = z.object({
  relation: Count,
  offset: Count,
  length: Count.min(1),
  rows: Count.min(1),
  bytes: Count.min(1),
  crc32: Crc32,
  rowFormat: RowFormat.exactOptional(),
  /** Of its rows. Absent in sets of earlier programs. */
  digest: Digest.exactOptional(),
  /** The range of blocks of the table that has its rows. Absent = the table was read whole. */
  range: Count.exactOptional(),
});
export type Extent = z.infer<typeof Extent>;

export const Extents = fastArray(
  Extent,
  ({ relation, offset, length, rows, bytes, crc32, rowFormat, digest, range }) =>
    isCount(relation) &&
    isCount(offset) &&
    isCount(length) &&
    length > 0 &&
    isCount(rows) &&
    rows > 0 &&
    isCount(bytes) &&
    bytes > 0 &&
    isCrc32(crc32) &&
    isRowFormat(rowFormat) &&
    (digest === undefined || isDigest(digest)) &&
    (range === undefined || isCount(range))
      ? {
          relation,
          offset,
          length,
          rows,
          bytes,
          crc32,
          ...(rowFormat && { rowFormat }),
          ...(digest && { digest }),
          ...(range !== undefined && { range }),
        }
      : undefined,
);

/** Rows that were read and that the base of the set has: extent number `from` of its part. */
export const CarriedExtent = z.object({
  relation: Count,
  from: Count,
  rows: Count.min(1),
  bytes: Count.min(1),
  rowFormat: RowFormat.exactOptional(),
  digest: Digest,
  range: Count.exactOptional(),
});
export type CarriedExtent = z.infer<typeof CarriedExtent>;

const CarriedExtents = fastArray(
  CarriedExtent,
  ({ relation, from, rows, bytes, rowFormat, digest, range }) =>
    isCount(relation) &&
    isCount(from) &&
    isCount(rows) &&
    rows > 0 &&
    isCount(bytes) &&
    bytes > 0 &&
    isRowFormat(rowFormat) &&
    isDigest(digest) &&
    (range === undefined || isCount(range))
      ? {
          relation,
          from,
          rows,
          bytes,
          ...(rowFormat && { rowFormat }),
          digest,
          ...(range !== undefined && { range }),
        }
      : undefined,
);

/** An object as it was when its writer stored it. */
export const ObjectRef = z.object({
  key: z.string().max(KEY_CHARS_MAX),
  bytes: Count,
  crc32: Crc32,
  etag: z.string().exactOptional(),
  /** Of the key of a host that has sealed it. Absent: the key of the set, or it is not sealed. */
  keyId: KeyId.exactOptional(),
});
export type ObjectRef = z.infer<typeof ObjectRef>;

/** Copies only these fields. */
export function objectRefShape({ key, bytes, crc32, etag, keyId }: ObjectRef): ObjectRef {
  return {
    key,
    bytes,
    crc32,
    ...(etag === undefined ? {} : { etag }),
    ...(keyId === undefined ? {} : { keyId }),
  };
}

const shipped = {
  ...header('receipt'),
  timestamp: Timestamp,
  content: Content,
  attempt: Attempt,
  worker: Worker,
  sequence: Sequence,
  startedAt: IsoDate,
  finishedAt: IsoDate,
};

/**
 * A shipper's claim that it stored one object, or that it read rows that the base of the set has.
 * Only the seal makes a receipt count.
 */
export const Receipt = z.discriminatedUnion('kind', [
  z.object({
    ...shipped,
    kind: z.literal('pack'),
    object: ObjectRef,
    extents: Extents.refine(({ length }) => length > 0, 'a pack has at least one extent'),
  }),
  z.object({
    ...shipped,
    kind: z.literal('metadata'),
    object: ObjectRef,
    file: z.enum(METADATA_FILES),
  }),
  z.object({ ...shipped, kind: z.literal('carried'), extents: CarriedExtents }),
  z.object({ ...shipped, kind: z.literal('file'), object: ObjectRef, ...storedFile }),
]);
export type Receipt = z.infer<typeof Receipt>;
/** A receipt of a stored object. */
export type ObjectReceipt = Exclude<Receipt, { kind: 'carried' }>;
export type FileReceipt = Extract<Receipt, { kind: 'file' }>;
export type PackReceipt = Extract<Receipt, { kind: 'pack' }>;
export type CarriedReceipt = Extract<Receipt, { kind: 'carried' }>;

/**
 * Extents must cover a pack from 0 to its end, in order, without a gap or an overlap.
 * @returns what is wrong at the first place where they do not, or undefined.
 */
export function firstGap({
  object,
  extents,
}: Pick<PackReceipt, 'object' | 'extents'>): string | undefined {
  let at = 0;
  for (const { offset, length } of extents) {
    if (offset !== at) return `an extent begins at byte ${offset}, the previous one ends at ${at}`;
    at += length;
  }
  return at === object.bytes
    ? undefined
    : `the extents end at byte ${at}, but the pack has ${plural(object.bytes, 'byte')}`;
}
