import type { CountedReceipts } from './fold-receipts.ts';
import type { ManifestPart } from './manifest.ts';
import { idsOf, type PlannedContent, type Relation } from './plan.ts';
import type { Receipt } from './receipt.ts';
import type { SealedRelation, SealPart } from './seal.ts';
import type { Problem } from './verdict.ts';

interface Counted {
  readonly rows: number;
  readonly bytes: number;
}

/** Holds what has arrived of one content's relations against the database's word in the seal. */
export function countRelations(
  named: ReadonlyMap<number, Relation>,
  planned: PlannedContent,
  sealed: SealPart,
  { receipts, lost }: Pick<CountedReceipts, 'receipts' | 'lost'>,
): { readonly counts: ManifestPart['relations']; readonly problems: readonly Problem[] } {
  const { content } = planned;
  const ids = new Set(idsOf(planned.relations));
  const inSeal = new Map(sealed.relations.map((word) => [word.relation, word]));
  const arrived = sumExtents(receipts, inSeal);
  const problems: Problem[] = strangers(content, ids, named, receipts);
  const counts: ManifestPart['relations'] = [];
  for (const id of ids) {
    const word = inSeal.get(id);
    const problem = named.has(id)
      ? differs(word, arrived.get(id))
      : ({ code: 'documents-disagree', message: `the plan does not define relation ${id}` } as const);
    if (problem === undefined && word !== undefined)
      counts.push({ relation: id, rows: word.rows, bytes: word.bytes });
    if (problem !== undefined) {
      const suspect = lost.find(({ attempt }) => attempt === word?.attempt)?.key;
      problems.push({ ...problem, content, ...nameOf(named.get(id)), ...(suspect && { object: suspect }) });
    }
  }
  for (const id of inSeal.keys()) {
    if (ids.has(id)) continue;
    const message = `the seal counts relation ${id}, which the plan does not give to this content`;
    problems.push({ code: 'documents-disagree', content, ...nameOf(named.get(id)), message });
  }
  return { counts, problems };
}

/** Why what has arrived is not what the database counted; more of anything is a contradiction, less is merely missing. */
function differs(
  word: SealedRelation | undefined,
  { rows, bytes }: Counted = { rows: 0, bytes: 0 },
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
function strangers(
  content: number,
  ids: ReadonlySet<number>,
  named: ReadonlyMap<number, Relation>,
  receipts: readonly Receipt[],
): Problem[] {
  return receipts.flatMap((receipt): Problem[] => {
    const stranger =
      receipt.kind === 'pack' ? receipt.extents.find(({ relation }) => !ids.has(relation)) : undefined;
    if (stranger === undefined) return [];
    return [
      {
        code: 'documents-disagree',
        content,
        ...nameOf(named.get(stranger.relation)),
        object: receipt.object.key,
        offset: stranger.offset,
        message: `holds relation ${stranger.relation}, which the plan does not give to this content`,
      },
    ];
  });
}

/** Rows and bytes per relation, of the attempt that the seal names. */
function sumExtents(
  receipts: readonly Receipt[],
  inSeal: ReadonlyMap<number, SealedRelation>,
): ReadonlyMap<number, Counted> {
  const sums = new Map<number, { rows: number; bytes: number }>();
  for (const receipt of receipts) {
    if (receipt.kind !== 'pack') continue;
    for (const { relation, rows, bytes } of receipt.extents) {
      if (inSeal.get(relation)?.attempt !== receipt.attempt) continue;
      const so = sums.get(relation);
      if (so === undefined) sums.set(relation, { rows, bytes });
      else {
        so.rows += rows;
        so.bytes += bytes;
      }
    }
  }
  return sums;
}

function nameOf(relation: Relation | undefined): Pick<Problem, 'relation'> {
  return relation === undefined ? {} : { relation: { schema: relation.schema, name: relation.name } };
}
