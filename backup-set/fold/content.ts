import {
  digestOf,
  encode,
  FORMAT_VERSION,
  indexByKey,
  PART_EXTENTS_MAX,
  type PartDigest,
  type RawDocument,
} from '../base/document.ts';
import { isContradiction } from '../base/problems.ts';
import { failure, type Result, success } from '../base/result.ts';
import type { Problem } from '../base/verdict.ts';
import { count, plural } from '../base/words.ts';
import { ManifestPart } from '../documents/manifest.ts';
import type { PlannedContent } from '../documents/plan.ts';
import { type ObjectRef, objectRefShape, type Receipt } from '../documents/receipt.ts';
import type { SealPart } from '../documents/seal.ts';
import type { Witnesses } from '../documents/witnesses.ts';
import { countFiles } from '../files/count-files.ts';
import { partDisagreements } from './agreement.ts';
import { carriedRows } from './carried/rows.ts';
import type { SealedSet } from './fold.ts';
import { readReceipts } from './receipts.ts';
import {
  countRelations,
  countsIn,
  type SealedCounts,
  type ShippedPack,
  sealedCounts,
} from './relations.ts';

/** One content of a set: its part of the manifest, or the problems that prevent it. */
export interface FoldedContent {
  readonly content: number;
  readonly problems: readonly Problem[];
  readonly part?: {
    readonly value: ManifestPart;
    readonly bytes: Uint8Array;
    readonly digest: PartDigest;
  };
}

/**
 * Compares the receipts of one content with the plan and its part of the seal (`pinnedSealPart`).
 */
export function foldContent(
  set: SealedSet,
  planned: PlannedContent,
  sealed: Result<SealPart, Problem>,
  receipts: Iterable<RawDocument>,
  extentsMax = PART_EXTENTS_MAX,
): FoldedContent {
  const { content } = planned;
  const counted = sealed.ok
    ? countContent(set, planned, sealed.value, receipts)
    : failure([sealed.failure]);
  if (!counted.ok) {
    const problems = counted.failure;
    const isFailed = set.seal.outcome === 'failed';
    return { content, problems: isFailed ? summarizeMissing(content, problems) : problems };
  }
  const part = counted.value;
  const extents = part.packs.reduce((sum, pack) => sum + pack.extents.length, 0);
  if (extents > extentsMax) {
    const message = `the content has ${plural(extents, 'extent')}, more than the maximum of ${count(extentsMax)}: back up with a larger backup.frameBytes`;
    return { content, problems: [{ code: 'content-too-large', content, message }] };
  }
  const bytes = encode(ManifestPart, part);
  return { content, problems: [], part: { value: part, bytes, digest: digestOf(bytes) } };
}

function countContent(
  { plan }: SealedSet,
  planned: PlannedContent,
  sealed: SealPart,
  documents: Iterable<RawDocument>,
): Result<ManifestPart, readonly Problem[]> {
  const index = indexByKey(documents);
  const counted = readReceipts(sealed, index);
  const sums = sealedCounts(sealed, plan.relations.length);
  const carrying = { plan, planned, counts: sums };
  const carried = carriedRows(carrying, sealed, counted.receipts, index);
  const { counts } = carried;
  // Without these rows no count is right: one cause, not a problem per relation.
  if (carried.problems.length > 0) return failure([...counted.problems, ...carried.problems]);
  const shipped = counted.receipts.filter((receipt) => receipt.kind === 'pack');
  const packs = [...shipped, ...carried.packs];
  const relations = countRelations(plan.relations, planned, sealed, counts, packs, counted);
  const metadata = countMetadata(planned, counted.receipts);
  const { files, ...counting } = countFiles(plan, planned.content, counted.receipts);
  const problems = partDisagreements(sealed).concat(
    counted.problems,
    relations.problems,
    metadata.problems,
    counting.problems,
  );
  if (problems.length > 0) return failure(problems);
  const { content, host, port, serverVersion, encoding, locale, refresh } = planned;
  const { systemIdentifier } = planned;
  return success({
    format: 'stowage/manifest-part',
    version: FORMAT_VERSION,
    timestamp: plan.timestamp,
    content,
    host,
    port,
    serverVersion,
    encoding,
    ...(locale && { locale }),
    ...(systemIdentifier !== undefined && { systemIdentifier }),
    refresh,
    ...(carried.witnesses && { witness: witnessOf(carried.witnesses) }),
    metadata: metadata.files,
    relations: withWitnesses(relations.counts, carried.witnesses, counts, plan.timestamp),
    packs: packsThatCount(counts, packs),
    ...(files && { files }),
  });
}

const witnessOf = ({ systemIdentifier, databaseOid, sources }: Witnesses) => {
  return { systemIdentifier, databaseOid, sources };
};

/** The next backup finds in the part what the barrier saw now. */
function withWitnesses(
  counts: ManifestPart['relations'],
  witnesses: Witnesses | undefined,
  sealed: SealedCounts,
  timestamp: string,
) {
  if (witnesses === undefined) return counts;
  const entries = new Map(witnesses.relations.map((entry) => [entry.relation, entry]));
  return counts.map((counted) => {
    const entry = entries.get(counted.relation);
    if (entry === undefined) return counted;
    const { witness, carried, readRanges } = entry;
    // A table that was to be read in ranges can have been read as a whole, in COPY BINARY.
    const isKept = carried === true || sealed[counted.relation]?.ranges !== undefined;
    return {
      ...{ ...counted, witness, readAt: isKept ? entry.readAt : timestamp },
      ...(isKept && readRanges && { readRanges }),
    };
  });
}

/**
 * A failed backup is stopped on all segments. So per content, one problem replaces all problems
 * about missing objects; contradictions are kept.
 */
function summarizeMissing(content: number, problems: readonly Problem[]): Problem[] {
  const contradictions = problems.filter(isContradiction);
  const missing = problems.length - contradictions.length;
  if (missing === 0) return contradictions;
  const objects = plural(missing, 'table or file', 'tables or files');
  const message = `backup stopped: ${objects} ${missing === 1 ? 'was' : 'were'} not uploaded`;
  return [...contradictions, { code: 'content-missing', content, message }];
}

/** Each metadata file in the plan must have one sealed receipt, and the reverse. */
function countMetadata({ content, metadata }: PlannedContent, receipts: readonly Receipt[]) {
  const sealed = receipts.filter((receipt) => receipt.kind === 'metadata');
  const problems: Problem[] = [];
  for (const file of metadata) {
    const found = sealed.filter((receipt) => receipt.file === file).length;
    if (found === 1) continue;
    const message = `the seal lists ${plural(found, 'receipt')} of ${file} instead of one`;
    problems.push({
      code: found === 0 ? 'metadata-missing' : 'documents-disagree',
      content,
      message,
    });
  }
  for (const { file, object } of sealed) {
    if (metadata.includes(file)) continue;
    const message = `the seal lists ${file}, which the plan does not assign to this content`;
    problems.push({ code: 'documents-disagree', content, object: object.key, message });
  }
  const files = sealed.map(({ file, object }) => ({ ...objectRefShape(object), file })).sort(byKey);
  return { files, problems };
}

/** The packs with the extents of attempts that count. Packs without such extents are omitted. */
function packsThatCount(
  counts: SealedCounts,
  packs: readonly ShippedPack[],
): ManifestPart['packs'] {
  const byPack = new Map<string, ManifestPart['packs'][number]>();
  for (const { object, extents, attempt } of packs) {
    const counting = extents.filter((extent) => countsIn(counts, extent, attempt));
    if (counting.length === 0) continue;
    // Receipts of several attempts can use one pack of the base.
    const before = byPack.get(object.key)?.extents ?? [];
    byPack.set(object.key, { ...objectRefShape(object), extents: before.concat(counting) });
  }
  const used = [...byPack.values()].sort(byKey);
  for (const { extents } of used) extents.sort((a, b) => a.offset - b.offset);
  return used;
}

/** Compares code units, so that the order does not depend on a locale. Keys are unique. */
const byKey = (a: ObjectRef, b: ObjectRef) => (a.key < b.key ? -1 : 1);
