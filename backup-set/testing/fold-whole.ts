import { indexByKey, type RawDocument } from '../base/document.ts';
import { formatKey, parseKey } from '../base/keys.ts';
import type { ManifestPart } from '../documents/manifest.ts';
import type { PlannedContent } from '../documents/plan.ts';
import { pinnedSealPart, receiptKeysOf } from '../documents/seal.ts';
import { foldContent } from '../fold/content.ts';
import { beginFold, type Folded, foldOpen } from '../fold/fold.ts';
import { createSetFold } from '../fold/set-fold.ts';

/** All documents of a set, in any order, possibly with duplicates and failed attempts. */
export interface SetDocuments {
  readonly plan: RawDocument;
  readonly receipts: readonly RawDocument[];
  readonly baseParts?: readonly RawDocument[];
  readonly witnesses?: readonly RawDocument[];
  readonly sealParts?: readonly RawDocument[];
  readonly seal?: RawDocument | undefined;
}

export type WholeFolded =
  | (Extract<Folded, { status: 'complete' }> & { readonly parts: readonly ManifestPart[] })
  | Exclude<Folded, { status: 'complete' }>;

/**
 * Folds a set that fits into memory, with the same steps as the functions.
 * @param inOrder returns the contents in the order of folding; contents may be repeated.
 */
export function fold(
  documents: SetDocuments,
  inOrder = (contents: readonly PlannedContent[]) => contents,
): WholeFolded {
  const begun = beginFold(documents);
  if (begun.kind === 'rejected') return begun.folded;
  const receipts = indexByKey(documents.receipts);
  if (begun.kind === 'open')
    return withoutParts(foldOpen(begun.plan, countByContent(receipts.keys())));
  const { set: sealed } = begun;
  const { timestamp, contents } = sealed.plan;
  const sealParts = indexByKey(documents.sealParts ?? []);
  const sum = createSetFold(sealed);
  const parts = new Map<number, ManifestPart>();
  for (const planned of inOrder(contents)) {
    const { content } = planned;
    const part = pinnedSealPart(
      sealed,
      content,
      sealParts.get(formatKey({ kind: 'seal-part', timestamp, content })) ?? [],
    );
    const named = part.ok
      ? receiptKeysOf(part.value).flatMap((key) => receipts.get(key) ?? [])
      : [];
    const pinned = [...(documents.baseParts ?? []), ...(documents.witnesses ?? [])].filter(
      ({ key }) =>
        key === formatKey({ kind: 'base-part', timestamp, content }) ||
        key === formatKey({ kind: 'witnesses', timestamp, content }),
    );
    const folded = foldContent(sealed, planned, part, [...named, ...pinned]);
    if (folded.part !== undefined) parts.set(content, folded.part.value);
    sum.add(folded);
  }
  const folded = sum.end();
  if (folded.status !== 'complete') return folded;
  return { ...folded, parts: [...parts.values()].sort((a, b) => a.content - b.content) };
}

function withoutParts(folded: Folded): Exclude<Folded, { status: 'complete' }> {
  if (folded.status === 'complete') throw new Error('complete without a seal');
  return folded;
}

function countByContent(keys: Iterable<string>): Map<number, number> {
  const counts = new Map<number, number>();
  for (const text of keys) {
    const key = parseKey(text);
    if (key?.kind === 'receipt') counts.set(key.content, (counts.get(key.content) ?? 0) + 1);
  }
  return counts;
}
