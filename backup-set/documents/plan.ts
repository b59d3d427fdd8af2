import * as z from 'zod';
import { Content, Count, header, IsoDate, Name, PartDigest, Sha256 } from '../base/document.ts';
import { METADATA_FILES } from '../base/keys.ts';
import { Selection } from '../base/selection.ts';
import { Timestamp } from '../base/timestamps.ts';
import { Files } from '../files/expected.ts';
import { KeyId } from './keys/set-key.ts';

/** A generated column: the set has no values of it. */
export const GeneratedColumn = z.object({
  name: z.string().min(1),
  type: z.string(),
  expression: z.string(),
});
export type GeneratedColumn = z.infer<typeof GeneratedColumn>;

/** A relation whose rows the set contains. */
export const Relation = Name.extend({
  id: Count,
  kind: z.enum(['table', 'partition']),
  columns: z.array(z.string().min(1)),
  /** The type of each column, as `format_type` prints it. Absent in sets of earlier programs. */
  types: z.array(z.string()).exactOptional(),
  /** Absent = not known. */
  generated: z.array(GeneratedColumn).exactOptional(),
  /** Which rows of an extension's own table are in the set. Information: it never runs as SQL. */
  condition: z.string().exactOptional(),
  /** Every segment has all rows of it; one of them ships them. */
  replicated: z.literal(true).exactOptional(),
  /**
   * The distribution key is hashed by OIDs (an enum), so that rows belong to other segments in
   * another database: only its coordinator can distribute them.
   */
  redistribute: z.literal(true).exactOptional(),
  /** A dispatch read this small table through the coordinator: content -1 has all its rows. */
  fromCoordinator: z.literal(true).exactOptional(),
  partitionRoot: Name.exactOptional(),
  /** Its id in the base of the set. Absent = the base has no relation of this name. */
  baseRelation: Count.exactOptional(),
});
export type Relation = z.infer<typeof Relation>;

export const NotShipped = Name.extend({
  kind: z.string(),
  reason: z.string(),
  /** The root of the partitioned table that it is a part of; null: of none. Absent = not known. */
  partitionRoot: Name.nullable().exactOptional(),
});

/** An object of the database that has no rows, e.g. `subscription` and `sub_x`. */
export const DefinedObject = z.object({ kind: z.string(), name: z.string() });
export type DefinedObject = z.infer<typeof DefinedObject>;

/** Fields of plan and manifest about definitions. Absent: nothing to say, or an earlier program. */
export const definitionFields = {
  /** What pg_dump did not write for the role of the backup. */
  leftOut: z.array(DefinedObject).exactOptional(),
  /** Objects whose definitions hold a password in clear. */
  secrets: z.array(DefinedObject).exactOptional(),
};

/** How a database compares and classifies text. Another locale gives another order of indexes. */
export const Locale = z.object({
  provider: z.enum(['libc', 'icu', 'builtin']),
  collate: z.string(),
  ctype: z.string(),
  /** Locale name of a provider other than libc. */
  name: z.string().exactOptional(),
});
export type Locale = z.infer<typeof Locale>;

/** Inclusive ranges of numbers, e.g. of relation ids. */
export const Ranges = z.array(z.tuple([Count, Count]));
export type Ranges = z.infer<typeof Ranges>;

/** Fields of a segment in both plan and manifest. */
export const SegmentFacts = z.object({
  content: Content,
  host: z.string(),
  port: z.int(),
  serverVersion: z.string(),
  encoding: z.string(),
  locale: Locale.exactOptional(),
  /** Of pg_control_system(). Absent in sets of earlier programs, and where it could not be read. */
  systemIdentifier: z.string().exactOptional(),
});

/** What one content must deliver. */
export const PlannedContent = SegmentFacts.extend({
  metadata: z.array(z.enum(METADATA_FILES)),
  relations: Ranges,
  refresh: z.array(Name),
  /** base/<content>.json: the base's part of the manifest. Absent = nothing is carried. */
  base: PartDigest.exactOptional(),
  /** witnesses/<content>.json. Absent = the barrier has seen nothing. */
  witnesses: PartDigest.exactOptional(),
});
export type PlannedContent = z.infer<typeof PlannedContent>;

export const Snapshot = z.object({
  /** `coordinator`: one transaction of it read all rows. `source`: another tool has taken it. */
  mechanism: z.enum(['barrier', 'dispatch', 'coordinator', 'source']),
  takenAt: IsoDate,
  writerWaitMs: Count,
  attempts: Count,
});

/**
 * `auto`: the shipper chose the level of each frame by whether CPU or storage was the bottleneck.
 */
export const ZstdLevel = z.union([z.int().min(1).max(19), z.literal('auto')]);

export const Compression = z.object({ algorithm: z.literal('zstd'), level: ZstdLevel });

/** The older set whose frames a set can use (docs/design/0021-carried-rows.md). */
export const Base = z.object({ timestamp: Timestamp, manifestSha256: Sha256 });
export type Base = z.infer<typeof Base>;

/** The keys of an encrypted set (docs/format.md, Encryption). */
export const Encryption = z.object({
  /** Of the set key. */
  keyId: KeyId,
  /** Digests can be compared only under the same digest key. Absent = extents have no digests. */
  digestKeyId: KeyId.exactOptional(),
  /** Of the sets whose packs this set can use: no other key opens a carried frame. */
  older: z
    .array(z.object({ timestamp: Timestamp, keyId: KeyId, digestKeyId: KeyId.exactOptional() }))
    .exactOptional(),
  /** Of the keys that seal the files of a set of gpbackup: one of each process of a host. */
  hostKeys: z.array(KeyId).min(1).exactOptional(),
});
export type Encryption = z.infer<typeof Encryption>;

/** Fields of plan and manifest of a set with a base, with witnesses, or encrypted. */
export const baseFields = {
  /** What a reader must know to use the set. A feature that it does not know is an error. */
  features: z
    .array(z.enum(['carried', 'witness', 'files', 'encrypted', 'host-keys']))
    .exactOptional(),
  base: Base.exactOptional(),
  encryption: Encryption.exactOptional(),
};

/** Where a set is from that another tool made (docs/design/0030-adopted-sets.md). */
export const Source = z.object({
  /** `gpcrondump`, `gpbackup` */
  tool: z.string(),
  /** As far as the files show it. */
  version: z.string(),
  /** The timestamp that the tool gave it, in local time of its host. */
  timestamp: z.string(),
  /** Where its master's dump lay when it was made. */
  place: z.string(),
  /** The options of the tool, as its report has them. */
  options: z.string(),
  /**
   * `source`: the database counted the rows, and the set says how many a table has.
   * `adoption`: they were counted when they were read.
   */
  counted: z.enum(['adoption', 'source']),
  /** What the tool's set has and this set has not. Absent = nothing. */
  leftOut: z.array(DefinedObject).exactOptional(),
});
export type Source = z.infer<typeof Source>;

/** A word that rules of retention and `stowage list` select sets by. */
export const Tag = z.string().regex(/^[\w.-]{1,64}$/, 'must be of letters, digits, _, . and -');
/** Each once, sorted. */
export const Tags = z.array(Tag).min(1).max(32);

/** The id of the group that a run over several databases makes. */
export const GroupId = z.string().regex(/^group-\d{14}$/, 'a group is group-YYYYMMDDHHMMSS');
/** One run took a set of each of these databases (docs/design/0036-groups.md). */
export const Group = z.object({
  /** Of the run: `group-` and the timestamp of its first set. */
  id: GroupId,
  /** The databases of the run, each once, in the order in which they were backed up. */
  databases: z.array(z.string().min(1)).min(1),
});
export type Group = z.infer<typeof Group>;

/** plan.json: what a set must contain to be complete (docs/format.md). */
export const Plan = z.object({
  ...header('plan'),
  timestamp: Timestamp,
  startedAt: IsoDate,
  cluster: z.string(),
  flavour: z.string(),
  database: z.string(),
  root: z.string(),
  tool: z.string(),
  overdueAfterSeconds: Count,
  source: Source.exactOptional(),
  snapshot: Snapshot,
  frameBytes: Count,
  packBytes: Count,
  compression: Compression,
  ...baseFields,
  files: Files.exactOptional(),
  tags: Tags.exactOptional(),
  group: Group.exactOptional(),
  selection: Selection,
  relations: z.array(Relation),
  notShipped: z.array(NotShipped),
  ...definitionFields,
  contents: z.array(PlannedContent).min(1),
});
export type Plan = z.infer<typeof Plan>;

/** All ids in ranges. */
export function* idsOf(ranges: PlannedContent['relations']): Generator<number> {
  for (const [first, last] of ranges) for (let id = first; id <= last; id++) yield id;
}

/** The smallest list of ranges with these ids. */
export function rangesOf(ids: Iterable<number>): [number, number][] {
  const ranges: [number, number][] = [];
  for (const id of [...new Set(ids)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === id - 1) last[1] = id;
    else ranges.push([id, id]);
  }
  return ranges;
}
