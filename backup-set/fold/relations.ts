import type { Problem } from '../base/verdict.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import type { PlannedContent, Relation } from '../documents/plan.ts';
import type { Receipt } from '../documents/receipt.ts';
import type { SealedRelation, SealPart } from '../documents/seal.ts';
import type { CountedReceipts } from './receipts.ts';

/** The database's words on one content, by relation id. */
export type SealedCounts = readonly (SealedRelation | undefined)[];

/** By id, for the relations of a plan: with ten thousand of them in each of a thousand contents, a Map takes its time. */
export function sealedCounts(sealed: Pick<SealPart, 'relations'>, relations: number): SealedCounts {
  const words = new Array<SealedRelation | undefined>(relations).fill(undefined);
  for (const word of sealed.relations) if (word.relation < relations) words[word.relation] = word;
  return words;
}

/** Holds what has arrived of one content's relations against the database's word in the seal. */
export function countRelations(
  named: readonly Relation[],
  planned: PlannedContent,
  sealed: SealPart,
  words: SealedCounts,
  { receipts, lost }: Pick<CountedReceipts, 'receipts' | 'lost'>,
): { readonly counts: ManifestPart['relations']; readonly problems: readonly Problem[] } {
  const { content } = planned;
  const isGiven = new Uint8Array(named.length);
  for (const [first, last] of planned.relations) isGiven.fill(1, first, last + 1);
  const arrived = sumExtents(receipts, words);
  const problems: Problem[] = unplannedExtents(content, isGiven, named, receipts);
  const counts: ManifestPart['relations'] = [];
  for (const [first, last] of planned.relations) {
    for (let id = first; id <= last; id++) {
      const word = words[id];
      const problem = differs(word, arrived.rows[id], arrived.bytes[id]);
      if (problem === undefined && word !== undefined)
        counts.push({ relation: id, rows: word.rows, bytes: word.bytes });
      if (problem === undefined) continue;
      const suspect = lost.find(({ attempt }) => attempt === word?.attempt)?.key;
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
    const message = `the seal counts relation ${relation}, which the plan does not give to this content`;
    problems.push({ code: 'documents-disagree', content, ...nameOf(named[relation]), message });
  }
  return { counts, problems };
}

/** Why what has arrived is not what the database counted; more of anything is a contradiction, less is merely missing. */
function differs(
  word: SealedRelation | undefined,
  rows = 0,
  bytes = 0,
): Pick<Problem, 'code' | 'message'> | undefined {
  if (word === undefined)
    return { code: 'relation-incomplete', message: 'the database has given no count for it' };
  if (rows === word.rows && bytes === word.bytes) return undefined;
  return {
    code: rows > word.rows || bytes > word.bytes ? 'relation-surplus' : 'relation-incomplete',
    message: `${rows} of ${word.rows} rows and ${bytes} of ${word.bytes} bytes have arrived`,
  };
}

/** Extents of relations that the plan does not give to this content: rows that no manifest would name. */
function unplannedExtents(
  content: number,
  isGiven: Uint8Array,
  named: readonly Relation[],
  receipts: readonly Receipt[],
): Problem[] {
  return receipts.flatMap((receipt): Problem[] => {
    const stranger =
      receipt.kind === 'pack'
        ? receipt.extents.find(({ relation }) => isGiven[relation] !== 1)
        : undefined;
    if (stranger === undefined) return [];
    return [
      {
        code: 'documents-disagree',
        content,
        ...nameOf(named[stranger.relation]),
        object: receipt.object.key,
        offset: stranger.offset,
        message: `holds relation ${stranger.relation}, which the plan does not give to this content`,
      },
    ];
  });
}

/** Rows and bytes per relation, of the attempt that the seal names. */
function sumExtents(receipts: readonly Receipt[], words: SealedCounts) {
  const [rows, bytes] = [new Float64Array(words.length), new Float64Array(words.length)];
  for (const receipt of receipts) {
    if (receipt.kind !== 'pack') continue;
    for (const extent of receipt.extents) {
      const id = extent.relation;
      if (words[id]?.attempt !== receipt.attempt) continue;
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
