import { mapInFlight } from '../../../async/each-in-flight.ts';
import { decode, RECEIPT_BYTES_MAX, sha256 } from '../../../backup-set/base/document.ts';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import { formatKey, parseKey, receiptsPrefix } from '../../../backup-set/base/keys.ts';
import { Receipt } from '../../../backup-set/documents/receipt.ts';
import { WITHHELD } from '../../../storage/errors.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import type { Plugin, StoredReceipt } from '../store-file.ts';

const READS_AT_ONCE = 32;

/** By the name of the file. */
export type StoredReceipts = ReadonlyMap<string, StoredReceipt>;

export interface AllReceipts {
  readonly receipts: StoredReceipts;
  /**
   * Files with receipts of two objects: each is stored once, so another program has written one of
   * the receipts. The set cannot say which one is true.
   */
  readonly contradicted: ReadonlySet<string>;
  /** Objects in the place of receipts that are none: an attacker's, or of a later program. */
  readonly unreadable: readonly UnreadableReceipt[];
}

export interface UnreadableReceipt {
  readonly key: string;
  readonly why: string;
}

/** The receipts of all hosts. Those of this process need not be read. */
export async function storedReceipts(plugin: Plugin, timestamp: string): Promise<AllReceipts> {
  const { store, stored } = plugin;
  const own = new Map<string, StoredReceipt>();
  for (const one of stored.values())
    if (one.receipt.timestamp === timestamp) own.set(receiptKey(one), one);
  const unread: string[] = [];
  for await (const { key } of store.list(receiptsPrefix(timestamp)))
    if (!own.has(key) && parseKey(key)?.kind === 'receipt') unread.push(key);
  const unreadable: UnreadableReceipt[] = [];
  const read = await mapInFlight(unread, READS_AT_ONCE, (key) =>
    readReceipt(store, key).catch((error: unknown) => {
      if (!isStowageError(error, 'set/unreadable', 'storage/too-large', ...WITHHELD)) throw error;
      unreadable.push({ key, why: error.message });
      return undefined;
    }),
  );
  const receipts = new Map<string, StoredReceipt>();
  const contradicted = new Set<string>();
  for (const one of [...own.values(), ...read]) {
    if (one === undefined) continue;
    const { file, object } = one.receipt;
    const first = receipts.get(file);
    if (first === undefined) receipts.set(file, one);
    else if (!isSame(first.receipt.object, object)) contradicted.add(file);
  }
  return { receipts, contradicted, unreadable };
}

type StoredObject = StoredReceipt['receipt']['object'];

/** An answer that was lost leaves two receipts of one object. */
const isSame = (one: StoredObject, other: StoredObject) =>
  one.key === other.key &&
  one.bytes === other.bytes &&
  one.crc32 === other.crc32 &&
  one.keyId === other.keyId;

async function readReceipt(store: ObjectStore, key: string): Promise<StoredReceipt | undefined> {
  const bytes = await store.read(key, { bytesMax: RECEIPT_BYTES_MAX });
  const receipt = decode(Receipt, { key, bytes });
  if (receipt.kind !== 'file') return undefined;
  const { attempt, worker, sequence } = receipt;
  return { receipt, sealed: { attempt, worker, sequence, sha256: sha256(bytes) } };
}

const receiptKey = ({ receipt }: StoredReceipt) => formatKey({ ...receipt, kind: 'receipt' });
