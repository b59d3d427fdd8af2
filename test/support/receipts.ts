import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type PackReceipt, Receipt } from '../../backup-set/documents/receipt.ts';

/** The receipts of packs under a directory, in the order of their keys. */
export async function receiptsIn(directory: string): Promise<PackReceipt[]> {
  const found = await readdir(directory, { recursive: true });
  const keys = found.filter((key) => /(^|\/)receipts\/.*\.json$/.test(key)).sort();
  const receipts = await Promise.all(
    keys.map(async (key) =>
      Receipt.parse(JSON.parse(await readFile(join(directory, key), 'utf8'))),
    ),
  );
  return receipts.filter((receipt) => receipt.kind === 'pack');
}
