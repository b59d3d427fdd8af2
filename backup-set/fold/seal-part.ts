import { type RawDocument, sha256 } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import type { Problem } from '../base/verdict.ts';
import type { Plan } from '../documents/plan.ts';
import { SealPart } from '../documents/seal.ts';
import { read, type SealedSet } from './fold.ts';

/**
 * What was counted on one content: its part of the seal, if it is the very one that the seal pins.
 * @param candidates what was read from the part's key: nothing, one document, or several that contradict each other.
 */
export function sealPartIn(
  { plan: { timestamp }, seal }: SealedSet,
  content: number,
  candidates: readonly RawDocument[],
): SealPart | Problem {
  const object = formatKey({ kind: 'seal-part', timestamp, content });
  const problem = (code: Problem['code'], message: string): Problem => ({
    code,
    content,
    object,
    message,
  });
  const named = seal.contents.filter((candidate) => candidate.content === content);
  const [only] = named;
  if (only === undefined || named.length > 1)
    return { code: 'content-missing', content, message: `sealed ${named.length} times, not once` };
  const [raw, other] = candidates.filter(({ key }) => key === object);
  if (raw === undefined)
    return problem('content-missing', 'the seal names this part of it; it is not there');
  if (other !== undefined)
    return problem('documents-disagree', 'different bytes were read from this one key');
  if (sha256(raw.bytes) !== only.part.sha256)
    return problem('documents-disagree', 'its digest is not the one in the seal');
  const part = read(SealPart, raw);
  if ('problem' in part) return { ...part.problem, content };
  if (part.value.timestamp !== timestamp || part.value.content !== content)
    return problem('documents-disagree', 'its fields belong to another key');
  return part.value;
}

/** Keys of the receipts that count, which are all that the fold asks for. */
export function receiptKeysIn({ timestamp, content, receipts }: SealPart): string[] {
  return receipts.map(({ attempt, worker, sequence }) =>
    formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence }),
  );
}

/** About how many extents the receipts of a content have, before one of them is read: what the fold of it weighs in memory. */
export function extentsExpected(
  { frameBytes }: Pick<Plan, 'frameBytes'>,
  { relations }: Pick<SealPart, 'relations'>,
): number {
  return relations.reduce((sum, { bytes }) => sum + Math.ceil(bytes / Math.max(1, frameBytes)), 0);
}
