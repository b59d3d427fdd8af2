import { encode, FORMAT_VERSION, sha256 } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import { type CarriedReceipt, Receipt } from '../../backup-set/documents/receipt.ts';
import type { ShipperDeps } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';

/** What names the objects of one writer: the part of a job that packs and receipts need. */
export type Writer = Pick<BackupJob, 'timestamp' | 'content' | 'attempt'>;

/** The fields that every receipt of this shipper starts with. */
export function receiptHeader(
  { timestamp, content, attempt }: Writer,
  worker: number,
  sequence: number,
) {
  return {
    format: 'stowage/receipt',
    version: FORMAT_VERSION,
    timestamp,
    content,
    attempt,
    worker,
    sequence,
  } as const;
}

/** Stores a receipt and reports its digest to the coordinator, which writes it into the seal. */
export async function storeReceipt(
  receipt: Receipt,
  { store, report, signal }: ShipperDeps,
): Promise<void> {
  const bytes = encode(Receipt, receipt);
  const { timestamp, content, attempt, worker, sequence } = receipt;
  const key = formatKey({ kind: 'receipt', timestamp, content, attempt, worker, sequence });
  await store.create(key, bytes, { signal, ownKey: true });
  report({
    type: 'receipt',
    attempt,
    worker,
    sequence,
    sha256: sha256(bytes),
    ...(receipt.kind === 'carried'
      ? { storedBytes: 0, carriedBytes: sumOfBytes(receipt.extents) }
      : { storedBytes: receipt.object.bytes }),
  });
}

const sumOfBytes = (extents: CarriedReceipt['extents']) =>
  extents.reduce((sum, { bytes }) => sum + bytes, 0);
