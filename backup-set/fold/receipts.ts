import type { DocumentIndex } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { failure, type Result } from '../base/result.ts';
import type { Problem } from '../base/verdict.ts';
import { readPinned } from '../documents/pinned.ts';
import { firstGap, type ObjectReceipt, Receipt } from '../documents/receipt.ts';
import type { SealPart } from '../documents/seal.ts';

/** The valid receipts of one content, and the problems of the others. */
export interface CountedReceipts {
  readonly receipts: readonly Receipt[];
  readonly problems: readonly Problem[];
  /** Sealed receipts of packs that are not valid: the likely cause if rows are missing. */
  readonly lost: readonly { readonly attempt: number; readonly key: string }[];
}

/** Reads the receipts that the seal names, in the order of their keys. */
export function readReceipts(sealed: SealPart, index: DocumentIndex): CountedReceipts {
  const { timestamp, content } = sealed;
  const receipts: Receipt[] = [];
  const problems: Problem[] = [];
  const lost: CountedReceipts['lost'][number][] = [];
  const inOrder = sealed.receipts
    .map((entry) => ({ entry, key: formatKey({ kind: 'receipt', timestamp, content, ...entry }) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { entry, key } of inOrder) {
    const receipt = readReceipt(key, entry.sha256, index, content);
    if (receipt.ok) {
      receipts.push(receipt.value);
    } else {
      problems.push(receipt.failure);
      // Worker 0 ships metadata: its receipts hold no rows.
      if (entry.worker > 0) lost.push({ attempt: entry.attempt, key });
    }
  }
  return { receipts, problems, lost };
}

function readReceipt(
  key: string,
  sha256: string,
  index: DocumentIndex,
  content: number,
): Result<Receipt, Problem> {
  const receipt = readPinned(Receipt, index.get(key) ?? [], {
    key,
    pin: { sha256, by: 'seal' },
    codes: {
      missing: 'receipt-missing',
      ambiguous: 'receipt-altered',
      altered: 'receipt-altered',
      unreadable: 'receipt-unreadable',
    },
    content,
  });
  if (!receipt.ok) return receipt;
  const fail = (code: Problem['code'], message: string) =>
    failure<Problem>({ code, content, object: key, message });
  if (receipt.value.kind === 'carried') return receipt;
  const object = objectKeyOf(receipt.value);
  if (receipt.value.object.key !== object)
    return fail(
      'documents-disagree',
      `the receipt is of ${receipt.value.object.key} instead of ${object}`,
    );
  const gap = receipt.value.kind === 'pack' ? firstGap(receipt.value) : undefined;
  return gap === undefined ? receipt : fail('pack-not-tiled', gap);
}

/** The key that the object of a receipt must have. */
function objectKeyOf(receipt: ObjectReceipt): string {
  const { timestamp, content, attempt, worker, sequence } = receipt;
  switch (receipt.kind) {
    case 'pack':
      return formatKey({ kind: 'pack', timestamp, content, attempt, worker, sequence });
    case 'metadata':
      return formatKey({ kind: 'metadata', timestamp, content, attempt, file: receipt.file });
    case 'file':
      return formatKey({ kind: 'file', timestamp, content, name: receipt.file });
  }
}
