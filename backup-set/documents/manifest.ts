import * as z from 'zod';
import {
  Count,
  header,
  IsoDate,
  Name,
  PartDigest,
  type RawDocument,
  Sha256,
} from '../base/document.ts';
import { formatKey, METADATA_FILES } from '../base/keys.ts';
import { failure, type Result } from '../base/result.ts';
import { Selection } from '../base/selection.ts';
import { Timestamp } from '../base/timestamps.ts';
import type { Problem } from '../base/verdict.ts';
import { Files } from '../files/expected.ts';
import { storedFile } from '../files/names.ts';
import { ContentWitness, RelationWitness } from '../witness/kinds.ts';
import { fastArray, isCount, isRowFormat } from './fast-array.ts';
import { readPinned } from './pinned.ts';
import {
  baseFields,
  Compression,
  definitionFields,
  Group,
  NotShipped,
  Ranges,
  Relation,
  SegmentFacts,
  Snapshot,
  Source,
  Tags,
} from './plan.ts';
import { Extents, ObjectRef, objectRefShape, RowFormat } from './receipt.ts';

const CountedRelations = fastArray(
  z.object({
    relation: Count,
    rows: Count,
    bytes: Count,
    rowFormat: RowFormat.exactOptional(),
    /** What the barrier saw of it, and the set in which its rows were last read. */
    witness: RelationWitness.exactOptional(),
    readAt: Timestamp.exactOptional(),
    /** With extents by ranges of blocks: those that were read for this set. */
    readRanges: Ranges.exactOptional(),
  }),
  ({ relation, rows, bytes, rowFormat, witness, readAt, readRanges }) =>
    isCount(relation) && isCount(rows) && isCount(bytes) && isRowFormat(rowFormat)
      ? withWitness(
          { relation, rows, bytes, ...(rowFormat && { rowFormat }) },
          {
            witness,
            readAt,
            readRanges,
          },
        )
      : undefined,
);

interface WitnessFields {
  readonly witness: unknown;
  readonly readAt: unknown;
  readonly readRanges: unknown;
}

/** The relation with its fields about a witness, or none; undefined when they are not valid. */
function withWitness<Fields extends object>(
  fields: Fields,
  { witness, readAt, readRanges }: WitnessFields,
) {
  if (witness === undefined && readAt === undefined && readRanges === undefined) return fields;
  const read = RelationWitness.safeParse(witness);
  const timestamp = Timestamp.safeParse(readAt);
  const ranges = Ranges.exactOptional().safeParse(readRanges);
  return read.success && timestamp.success && (readRanges === undefined || ranges.success)
    ? {
        ...fields,
        witness: read.data,
        readAt: timestamp.data,
        ...(ranges.data && { readRanges: ranges.data }),
      }
    : undefined;
}

/**
 * manifest/<content>.json: what a restore needs from one content. It is written before
 * `manifest.json`, which pins it by its digest.
 */
export const ManifestPart = z.object({
  ...header('manifest-part'),
  timestamp: Timestamp,
  ...SegmentFacts.shape,
  refresh: z.array(Name),
  witness: ContentWitness.exactOptional(),
  metadata: z.array(ObjectRef.extend({ file: z.enum(METADATA_FILES) })),
  relations: CountedRelations,
  packs: z.array(ObjectRef.extend({ extents: Extents })),
  /** Of a set with the feature `files`. */
  files: z.array(ObjectRef.extend(storedFile)).exactOptional(),
});
export type ManifestPart = z.infer<typeof ManifestPart>;

/** Size of a content or a relation: `bytes` as COPY sends its rows, `storedBytes` in the store. */
const Volume = { rows: Count, bytes: Count, storedBytes: Count };

const incremental = {
  /** With a base only: of the objects in the set's own folder. */
  newBytes: Count.exactOptional(),
  newObjects: Count.exactOptional(),
  /** With a base only: `newBytes`, and of older packs only the frames that this set uses. */
  usedBytes: Count.exactOptional(),
  /** With witnesses only: relations that were read, in at least one content. */
  readRelations: Count.exactOptional(),
};

/** A relation with its totals over all contents, so that readers need not read all parts. */
const ManifestRelation = Relation.extend({
  /** At least one content has its rows in this format. Absent = all have COPY text. */
  rowFormat: RowFormat.exactOptional(),
  totals: z.object({ contents: Count, ...Volume, extents: Count }),
});
export type ManifestRelation = z.infer<typeof ManifestRelation>;

const ManifestContent = SegmentFacts.extend({
  part: PartDigest,
  totals: z.object({ relations: Count, ...Volume, objects: Count, extents: Count, ...incremental }),
});
export type ManifestContent = z.infer<typeof ManifestContent>;

/** manifest.json: it exists if and only if the set is complete. Its parts list the objects. */
export const Manifest = z.object({
  ...header('manifest'),
  timestamp: Timestamp,
  startedAt: IsoDate,
  sealedAt: IsoDate,
  cluster: z.string(),
  flavour: z.string(),
  database: z.string(),
  root: z.string(),
  tool: z.string(),
  source: Source.exactOptional(),
  snapshot: Snapshot,
  compression: Compression,
  ...baseFields,
  files: Files.exactOptional(),
  tags: Tags.exactOptional(),
  group: Group.exactOptional(),
  selection: Selection,
  proof: z.object({ planSha256: Sha256, sealSha256: Sha256 }),
  /** Older sets whose packs this set uses. */
  needs: z.array(Timestamp),
  /** manifest/needs.json names these packs. Absent = `needs` is empty, or an earlier program. */
  needed: PartDigest.exactOptional(),
  totals: z.object({
    contents: Count,
    relations: Count,
    ...Volume,
    objects: Count,
    extents: Count,
    ...incremental,
  }),
  relations: z.array(ManifestRelation),
  notShipped: z.array(NotShipped),
  ...definitionFields,
  contents: z.array(ManifestContent),
});
export type Manifest = z.infer<typeof Manifest>;

/** All objects of one content, each once: metadata files, packs, files of another tool. */
export function* objectsOf({
  content,
  metadata,
  packs,
  files = [],
}: ManifestPart): Generator<ObjectRef & { readonly content: number }> {
  for (const stored of [...metadata, ...packs, ...files])
    yield { content, ...objectRefShape(stored) };
}

/** The part of a manifest for one content, if it is the one that the manifest pins. */
export function pinnedManifestPart(
  { timestamp, contents }: Pick<Manifest, 'timestamp' | 'contents'>,
  content: number,
  raw: RawDocument | undefined,
): Result<ManifestPart, Problem> {
  const key = formatKey({ kind: 'manifest-part', timestamp, content });
  const named = contents.find((candidate) => candidate.content === content);
  if (named === undefined) {
    const message = `the manifest does not list content ${content}`;
    return failure({ code: 'documents-disagree', content, object: key, message });
  }
  return readPinned(ManifestPart, raw === undefined ? [] : [raw], {
    key,
    pin: { sha256: named.part.sha256, by: 'manifest' },
    content,
  });
}
