import type { Problem } from '../base/verdict.ts';
import { plural } from '../base/words.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import type { PlannedContent, Relation } from '../documents/plan.ts';
import type { Extent, PackReceipt } from '../documents/receipt.ts';
import type { SealedRelation, SealPart } from '../documents/seal.ts';
import type { CountedReceipts } from './receipts.ts';

/** What the database counted for one content, by relation id. */
export type SealedCounts = readonly (SealedRelation | undefined)[];

/** A pack with counting extents: one that the content shipped, or one of the base. */
export type ShippedPack = Pick<PackReceipt, 'attempt' | 'object' | 'extents'>;

/** An array is faster than a Map for ten thousand relations in each of a thousand contents. */
export function sealedCounts(sealed: Pick<SealPart, 'relations'>, relations: number): SealedCounts {
  const counts = new Array<SealedRelation | undefined>(relations).fill(undefined);
  for (const count of sealed.relations)
    if (count.relation < relations) counts[count.relation] = count;
  return counts;
}

/**
 * Whether the rows of an extent count: it has the attempt and the row format of the seal. A shipper
 * leaves extents of another format where it read a relation again, in COPY BINARY.
 */
export function countsIn(
  counted: SealedCounts,
  { relation, rowFormat }: Pick<Extent, 'relation' | 'rowFormat'>,
  attempt: number,
): boolean {
  const sealed = counted[relation];
  return sealed?.attempt === attempt && sealed.rowFormat === rowFormat;
}

/** Compares the rows that arrived for one content with the counts in the seal. */
export function countRelations(
  named: readonly Relation[],
  planned: PlannedContent,
  sealed: SealPart,
  counted: SealedCounts,
  packs: readonly ShippedPack[],
  { lost }: Pick<CountedReceipts, 'lost'>,
): { readonly counts: ManifestPart['relations']; readonly problems: readonly Problem[] } {
  const { content } = planned;
  const isGiven = new Uint8Array(named.length);
  for (const [first, last] of planned.relations) isGiven.fill(1, first, last + 1);
  const arrived = sumExtents(packs, counted);
  const problems: Problem[] = unplannedExtents(content, isGiven, named, packs);
  const counts: ManifestPart['relations'] = [];
  for (const [first, last] of planned.relations) {
    for (let id = first; id <= last; id++) {
      const count = counted[id];
      const problem = differenceOf(count, arrived.rows[id], arrived.bytes[id]);
      if (problem === undefined && count !== undefined)
        counts.push({ relation: id, ...volumeOf(count) });
      if (problem === undefined) continue;
      const suspect = lost.find(({ attempt }) => attempt === count?.attempt)?.key;
      problems.push({
        ...problem,
        content,
        ...nameOf(named[id]),
        ...(suspect && { object: suspect }),
      });
    }
  }
  for (const { relation } of sealed.relations) {
    if (isGiven[relation] === 1) continue;
    const message = `the seal counts relation ${relation}, which the plan does not assign to this content`;
    problems.push({ code: 'documents-disagree', content, ...nameOf(named[relation]), message });
  }
  return { counts, problems };
}

const volumeOf = ({ rows, bytes, rowFormat }: SealedRelation) => {
  return { rows, bytes, ...(rowFormat && { rowFormat }) };
};

/** The difference between arrived and counted rows. More than counted is a contradiction. */
function differenceOf(
  sealed: SealedRelation | undefined,
  rows = 0,
  bytes = 0,
): Pick<Problem, 'code' | 'message'> | undefined {
  if (sealed === undefined)
    return { code: 'relation-incomplete', message: 'the seal has no row count of this relation' };
  if (rows === sealed.rows && bytes === sealed.bytes) return undefined;
  return {
    code: rows > sealed.rows || bytes > sealed.bytes ? 'relation-surplus' : 'relation-incomplete',
    message: `the packs have ${volume(rows, bytes)}, but the database counted ${volume(sealed.rows, sealed.bytes)}`,
  };
}

const volume = (rows: number, bytes: number) =>
  `${plural(rows, 'row')} and ${plural(bytes, 'byte')}`;

/** Extents of relations that the plan does not assign to this content. */
function unplannedExtents(
  content: number,
  isGiven: Uint8Array,
  named: readonly Relation[],
  packs: readonly ShippedPack[],
): Problem[] {
  return packs.flatMap(({ object, extents }): Problem[] => {
    const unplanned = extents.find(({ relation }) => isGiven[relation] !== 1);
    if (unplanned === undefined) return [];
    return [
      {
        code: 'documents-disagree',
        content,
        ...nameOf(named[unplanned.relation]),
        object: object.key,
        offset: unplanned.offset,
        message: `the pack has rows of relation ${unplanned.relation}, which the plan does not assign to this content`,
      },
    ];
  });
}

/** Rows and bytes per relation, of the attempts that the seal names. */
function sumExtents(packs: readonly ShippedPack[], counted: SealedCounts) {
  const [rows, bytes] = [new Float64Array(counted.length), new Float64Array(counted.length)];
  for (const { attempt, extents } of packs) {
    for (const extent of extents) {
      const id = extent.relation;
      if (!countsIn(counted, extent, attempt)) continue;
      rows[id] = (rows[id] ?? 0) + extent.rows;
      bytes[id] = (bytes[id] ?? 0) + extent.bytes;
    }
  }
  return { rows, bytes };
}

function nameOf(relation: Relation | undefined): Pick<Problem, 'relation'> {
  return relation === undefined
    ? {}
    : { relation: { schema: relation.schema, name: relation.name } };
}
