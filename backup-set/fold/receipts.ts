import { type DocumentIndex, decode, sha256 } from '../base/document.ts';
import { isStowageError, messageOf } from '../base/errors.ts';
import { formatKey } from '../base/keys.ts';
import type { Problem } from '../base/verdict.ts';
import { Receipt } from '../documents/receipt.ts';
import type { SealedReceipt, SealPart } from '../documents/seal.ts';
import { firstGap } from '../documents/tiling.ts';

/** The receipts that count for one content, and what kept others from counting. */
export interface CountedReceipts {
  readonly receipts: readonly Receipt[];
  readonly problems: readonly Problem[];
  /** Packs' receipts that should count and do not: the first suspects when rows are missing. */
  readonly lost: readonly { readonly attempt: number; readonly key: string }[];
}

/** Reads what the seal names, in the order of keys; each must be there, unaltered, and describe what its key says. */
export function readReceipts(sealed: SealPart, index: DocumentIndex): CountedReceipts {
  const { timestamp, content } = sealed;
  const receipts: Receipt[] = [];
  const problems: Problem[] = [];
  const lost: CountedReceipts['lost'][number][] = [];
  const inOrder = sealed.receipts
    .map((entry) => ({ entry, key: formatKey({ kind: 'receipt', timestamp, content, ...entry }) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  for (const { entry, key } of inOrder) {
    const receipt = readReceipt(key, entry, index, { timestamp, content });
    if ('code' in receipt) {
      problems.push({ ...receipt, content, object: key });
      // Worker 0 ships metadata: its receipts hold no rows.
      if (entry.worker > 0) lost.push({ attempt: entry.attempt, key });
    } else {
      receipts.push(receipt);
    }
  }
  return { receipts, problems, lost };
}

function readReceipt(
  key: string,
  sealed: SealedReceipt,
  index: DocumentIndex,
  set: { timestamp: string; content: number },
): Receipt | Pick<Problem, 'code' | 'message'> {
  const [raw, other] = index.get(key) ?? [];
  if (raw === undefined)
    return { code: 'receipt-missing', message: 'the seal names this receipt; it is not there' };
  if (other !== undefined)
    return { code: 'receipt-altered', message: 'different bytes were read from this one key' };
  if (sha256(raw.bytes) !== sealed.sha256)
    return { code: 'receipt-altered', message: 'its digest is not the one in the seal' };
  try {
    const receipt = decode(Receipt, raw);
    if (!belongsTo(receipt, sealed, set))
      return { code: 'documents-disagree', message: 'its fields belong to another key' };
    const gap = receipt.kind === 'pack' ? firstGap(receipt) : undefined;
    return gap === undefined ? receipt : { code: 'pack-not-tiled', message: gap };
  } catch (error) {
    if (!isStowageError(error, 'set/unreadable')) throw error;
    return { code: 'receipt-unreadable', message: messageOf(error) };
  }
}

function belongsTo(
  receipt: Receipt,
  sealed: SealedReceipt,
  { timestamp, content }: { timestamp: string; content: number },
): boolean {
  const { attempt, worker, sequence } = receipt;
  const object =
    receipt.kind === 'pack'
      ? formatKey({ kind: 'pack', timestamp, content, attempt, worker, sequence })
      : formatKey({ kind: 'metadata', timestamp, content, attempt, file: receipt.file });
  const sameShipment =
    attempt === sealed.attempt && worker === sealed.worker && sequence === sealed.sequence;
  return (
    sameShipment &&
    receipt.timestamp === timestamp &&
    receipt.content === content &&
    receipt.object.key === object
  );
}
