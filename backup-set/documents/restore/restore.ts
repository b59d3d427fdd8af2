import * as z from 'zod';
import {
  Content,
  Count,
  Crc32,
  FORMAT_VERSION,
  header,
  IsoDate,
  Name,
  Sha256,
} from '../../base/document.ts';
import { PHASES } from '../../base/keys.ts';
import { Selection } from '../../base/selection.ts';
import { RestoreId, Timestamp } from '../../base/timestamps.ts';
import { boundedProblems, LeftOut, type Problem, Problems } from '../../base/verdict.ts';
import { fastArray, fastName, isCount, isCrc32, isRowFormat } from '../fast-array.ts';
import { Locale, Relation } from '../plan.ts';
import { ObjectRef, RowFormat } from '../receipt.ts';
import { OrderChoices, RestoreChoices } from './choices.ts';
import { ComparedObjects, RestoreNotes } from './found.ts';
import { MappedData, MappedPostData, Mapping } from './map.ts';
import { Into, RequestedNames } from './names.ts';
import { orderFields as order } from './order-fields.ts';

/** Whether database and tables may exist before a restore (docs/format.md, Restores). */
export const RESTORE_MODES = ['create', 'fill', 'truncate'] as const;

/** Which servers load the rows into the target's tables (docs/format.md, Restores). */
export const LOAD_STRATEGIES = ['per-segment', 'mapped', 'coordinator', 'on-segment'] as const;

const PhaseName = z.enum(PHASES);
const TargetContent = z.object({ content: Content, host: z.string(), port: z.int() });

/** request.json: asks for a restore. */
export const RestoreRequest = z.object({
  ...header('restore-request'),
  id: RestoreId,
  requestedAt: IsoDate,
  timestamp: Timestamp,
  target: z.object({
    flavour: z.string(),
    database: z.string(),
    contents: z.array(TargetContent).min(1),
  }),
  /** Only these contents of the set; absent = all. `target.contents` lists no others. */
  contents: z.array(Content).min(1).exactOptional(),
  ...Mapping,
  selection: Selection,
  mode: z.enum(RESTORE_MODES),
  /** Read and check every byte before the first DDL statement. */
  verify: z.boolean(),
  /** Restore roles, role memberships and tablespaces first. */
  globals: z.boolean(),
  noOwner: z.boolean(),
  /**
   * Load through the coordinator, which distributes the rows, even if the segment counts are equal.
   */
  resize: z.boolean(),
  /** Greenplum: loaded through the coordinator are relations with fewer bytes; absent = 0. */
  smallTableBytes: z.int().min(0).exactOptional(),
  /** Resident agents carry out the orders; the command line starts no shippers. */
  agents: z.boolean(),
  /** The command line counts the rows of every loaded relation before the restore succeeds. */
  count: z.boolean(),
  /** It also looks for the indexes, constraints and other objects of the set's schema archive. */
  objects: z.boolean().exactOptional(),
  ...RestoreChoices,
  /** The first restore, whose id is in the marks of the target (docs/design/0019). */
  resumes: RestoreId.exactOptional(),
  into: RequestedNames.exactOptional(),
  mac: Sha256.exactOptional(), // Of an encrypted set, for a resume. The last field.
});
export type RestoreRequest = z.infer<typeof RestoreRequest>;

const Volume = { relations: Count, rows: Count, bytes: Count, storedBytes: Count };

/** plan.json of a restore: phases in their order, and volumes per content. */
export const RestorePlan = z.object({
  ...header('restore-plan'),
  id: RestoreId,
  timestamp: Timestamp,
  manifestSha256: Sha256,
  phases: z.array(PhaseName).min(1),
  load: z.enum(LOAD_STRATEGIES),
  /** With `mapped`: as in the request. */
  map: Mapping.map,
  /** As in the request: `restored` needs counts.json. */
  count: z.boolean(),
  objects: z.boolean().exactOptional(),
  contents: z.array(z.object({ content: Content, ...Volume })),
  totals: z.object({ contents: Count, ...Volume }),
});
export type RestorePlan = z.infer<typeof RestorePlan>;

const Frame = { offset: Count, length: Count, rows: Count, bytes: Count, crc32: Crc32 };
const format = { rowFormat: RowFormat.exactOptional() };
/** One frame and the pack that holds it. */
export const SourceExtent = z.object({ key: z.string(), ...Frame, ...format });
export type SourceExtent = z.infer<typeof SourceExtent>;

export const SourceExtents = fastArray(
  SourceExtent,
  ({ key, offset, length, rows, bytes, crc32, rowFormat }) =>
    typeof key === 'string' &&
    isCount(offset) &&
    isCount(length) &&
    isCount(rows) &&
    isCount(bytes) &&
    isCrc32(crc32) &&
    isRowFormat(rowFormat)
      ? { key, offset, length, rows, bytes, crc32, ...(rowFormat && { rowFormat }) }
      : undefined,
);

/** A relation to load, with all its frames. */
export const LoadRelation = Relation.pick({
  id: true,
  schema: true,
  name: true,
  columns: true,
}).extend({
  /** The segments load it with COPY FROM PROGRAM ON SEGMENT; `extents` is empty then. */
  onSegment: z.literal(true).exactOptional(),
  /** Its name in the set, where the target has another one: encrypted frames are bound to it. */
  source: Name.exactOptional(),
  /** The set holds only the rows of an extension's condition: only these are replaced. */
  conditional: z.literal(true).exactOptional(),
  rows: Count,
  bytes: Count,
  extents: SourceExtents,
});
export type LoadRelation = z.infer<typeof LoadRelation>;

/** A frame to read and check, and its relation. */
export const VerifyExtent = SourceExtent.pick({ offset: true, length: true, crc32: true }).extend({
  relation: Name,
});

export const VerifyExtents = fastArray(VerifyExtent, ({ offset, length, crc32, relation }) => {
  const name = fastName(relation);
  return name !== undefined && isCount(offset) && isCount(length) && isCrc32(crc32)
    ? { offset, length, crc32, relation: name }
    : undefined;
});

/** An object to read and check before the restore changes anything. */
const VerifyObject = ObjectRef.extend({
  /** The parts to read; absent = the whole object. */
  extents: VerifyExtents.exactOptional(),
});
export type VerifyObject = z.infer<typeof VerifyObject>;

/** As in the request: what the first restore has done in this target is kept. */
const resumes = RestoreId.exactOptional();
/** With `only`: as in the request. A shipper lists what it leaves out of these sections. */
const sections = RestoreChoices.sections;
/** Other names. `only` and `refresh` have the names of the set, `relations` those of the target. */
const into = Into.exactOptional();

/** What one segment does in one phase. A shipper needs no other document. */
export const Order = z.discriminatedUnion('phase', [
  z.object({ ...order, phase: z.literal('verify'), objects: z.array(VerifyObject) }),
  z.object({
    ...order,
    phase: z.literal('pre-data'),
    mode: z.enum(RESTORE_MODES),
    encoding: z.string(),
    /** Locale of the database that mode `create` creates. */
    locale: Locale.exactOptional(),
    noOwner: z.boolean(),
    globals: ObjectRef.exactOptional(),
    globalsMode: RestoreChoices.globalsMode,
    schema: ObjectRef.exactOptional(),
    /** Chosen relations; absent = the whole schema. */
    only: z.array(Name).exactOptional(),
    /** With `only`: the patterns, which also choose what is not a relation with rows. */
    selection: Selection.exactOptional(),
    sections,
    /** Relations to load: they must not exist (create, fill), or are emptied (truncate). */
    relations: z.array(Name),
    /** Without `pre-data` in the sections: the relations exist; `empty`: and hold no rows. */
    existing: z.enum(['empty', 'any']).exactOptional(),
    ...OrderChoices,
    resumes,
    into,
  }),
  z.object({
    ...order,
    phase: z.literal('data'),
    /** `truncate`: rows that the table holds when its load begins are deleted. */
    mode: z.enum(RESTORE_MODES),
    /** `feed`: pass the rows to the programs that the coordinator's COPY starts on this host. */
    role: z.enum(['load', 'feed']),
    encoding: z.string(),
    relations: z.array(LoadRelation),
    largeObjects: ObjectRef.exactOptional(),
    ...MappedData,
    ...OrderChoices,
    /** Of the large objects. */
    noOwner: z.literal(true).exactOptional(),
    resumes,
  }),
  z.object({
    ...order,
    phase: z.literal('post-data'),
    mode: z.enum(RESTORE_MODES),
    noOwner: z.boolean(),
    /** Where the set has the settings of roles in its database; only with `create`. */
    globals: ObjectRef.exactOptional(),
    schema: ObjectRef.exactOptional(),
    /** The archive with the properties of a new database, when no `schema` names it. */
    properties: ObjectRef.exactOptional(),
    only: z.array(Name).exactOptional(),
    selection: Selection.exactOptional(),
    sections,
    sequences: ObjectRef.exactOptional(),
    ...MappedPostData,
    /** With `only`: those that are chosen or come back with a chosen table are refreshed. */
    refresh: z.array(Name),
    ...OrderChoices,
    resumes,
    into,
  }),
  z.object({
    ...order,
    phase: z.literal('analyze'),
    relations: z.array(Name),
    onError: OrderChoices.onError,
  }),
]);
export type Order = z.infer<typeof Order>;
export type OrderOf<P extends Order['phase']> = Extract<Order, { phase: P }>;

/** A loaded relation, and the number of rows that the server counted. */
export const LoadedRelation = Name.extend({ rows: Count });

export const LoadedRelations = fastArray(LoadedRelation, (value) => {
  const name = fastName(value);
  const { rows } = value;
  return name !== undefined && isCount(rows) ? { ...name, rows } : undefined;
});

/** receipts/<phase>/<content>.json: the order was carried out, or why it failed. */
export const RestoreReceipt = z.object({
  ...header('restore-receipt'),
  id: RestoreId,
  phase: PhaseName,
  content: Content,
  status: z.enum(['done', 'failed']),
  startedAt: IsoDate,
  finishedAt: IsoDate,
  /** Bytes read from the store. */
  storedBytes: Count,
  relations: LoadedRelations,
  /** Relations of the order that were not loaded, with the rows that the set has of them. */
  notLoaded: LoadedRelations.exactOptional(),
  ...Problems,
  ...LeftOut,
  ...RestoreNotes,
});
export type RestoreReceipt = z.infer<typeof RestoreReceipt>;

/** The receipt of an order that failed, or whose shipper or agent can no longer report. */
export function failedReceipt(
  { id, phase, content }: Pick<RestoreReceipt, 'id' | 'phase' | 'content'>,
  problem: Problem,
  startedAt: Date,
  finishedAt: Date,
): RestoreReceipt {
  return {
    format: 'stowage/restore-receipt',
    version: FORMAT_VERSION,
    id,
    phase,
    content,
    status: 'failed',
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    storedBytes: 0,
    relations: [],
    ...boundedProblems([problem]),
  };
}

/** outcome.json: how the restore ended. */
export const Outcome = z.object({
  ...header('outcome'),
  id: RestoreId,
  timestamp: Timestamp,
  status: z.enum(['restored', 'failed', 'refused']),
  totals: z.object({ contents: Count, relations: Count, rows: Count }),
  /** True when the outcome rests on the counts of counts.json, too. */
  counted: z.boolean(),
  /** As in counts.json. */
  objects: ComparedObjects.exactOptional(),
  ...Problems,
  ...LeftOut,
  ...RestoreNotes,
});
export type Outcome = z.infer<typeof Outcome>;
