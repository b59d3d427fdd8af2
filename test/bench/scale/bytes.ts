import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import pino from 'pino';
import { formatKey, type Key, phasePrefix } from '../../../backup-set/base/keys.ts';
import type { Deps } from '../../../functions/deps.ts';
import { advanceRestore } from '../../../functions/handlers/advance-restore.ts';
import { planRestore } from '../../../functions/handlers/plan-restore.ts';
import { stitch } from '../../../functions/handlers/stitch.ts';
import { openStore } from '../../../storage/open.ts';
import { requestRestore, restoreId, writeReceipts } from './restore.ts';
import { type SetSize, TIMESTAMP, writeSet } from './set.ts';

/** Bytes of the documents of one set. */
interface DocumentBytes {
  readonly receipts: number;
  readonly plan: number;
  readonly seal: number;
  readonly sealPart: number;
  readonly manifest: number;
  readonly manifestPart: number;
  readonly verifyOrder: number;
  readonly dataOrder: number;
  readonly dataReceipt: number;
}
type Document = keyof DocumentBytes;

/** The bytes that each additional extent, relation or content adds to a document. */
export type ItemBytes = Readonly<
  Record<Document, { perExtent: number; perRelation: number; perContent: number }>
>;

/**
 * Small sets, because documents are lists and grow linearly, but with content ids of three digits.
 * Three larger sets differ from the base in one dimension each.
 */
const BASE: SetSize = { flavour: 'shards', contents: 110, relations: 100, extents: 10 };
const MORE = { extents: 10, relations: 100, contents: 10 };

/** Writes the documents of small sets and restores, and computes the differences of their sizes. */
export async function measureItems(): Promise<ItemBytes> {
  const base = await documentsOf(BASE);
  const extents = await documentsOf({ ...BASE, extents: BASE.extents + MORE.extents });
  const relations = await documentsOf({ ...BASE, relations: BASE.relations + MORE.relations });
  const contents = await documentsOf({ ...BASE, contents: BASE.contents + MORE.contents });
  const itemOf = (document: Document) => {
    const perExtent = (extents[document] - base[document]) / (MORE.extents * BASE.relations);
    // Additional relations also bring additional extents.
    const perRelation =
      (relations[document] - base[document]) / MORE.relations - perExtent * BASE.extents;
    const perContent = (contents[document] - base[document]) / MORE.contents;
    return { perExtent, perRelation, perContent };
  };
  return {
    receipts: itemOf('receipts'),
    plan: itemOf('plan'),
    seal: itemOf('seal'),
    sealPart: itemOf('sealPart'),
    manifest: itemOf('manifest'),
    manifestPart: itemOf('manifestPart'),
    verifyOrder: itemOf('verifyOrder'),
    dataOrder: itemOf('dataOrder'),
    dataReceipt: itemOf('dataReceipt'),
  };
}

/** The bytes of each document. If every content has its own, those of one content. */
async function documentsOf(size: SetSize): Promise<DocumentBytes> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-bench-bytes-'));
  const store = await openStore({ root: pathToFileURL(folder).href });
  try {
    const { receiptBytes } = await writeSet(folder, size);
    const deps: Deps = { store, clock: () => new Date(), log: pino({ level: 'error' }) };
    await stitch(deps, TIMESTAMP);
    await requestRestore(store, size, 'same');
    const restore = restoreId('same');
    await planRestore(deps, restore);
    for (const phase of ['verify', 'pre-data', 'data'] as const) {
      await writeReceipts(store, size, 'same', phase);
      if (phase !== 'data') await advanceRestore(deps, restore);
    }
    const bytesOf = async (key: string) => (await store.head(key))?.bytes ?? Number.NaN;
    const ofSet = (kind: 'plan' | 'seal' | 'manifest') =>
      bytesOf(formatKey({ kind, timestamp: TIMESTAMP }));
    const last = size.contents - 1;
    const ofContent = (kind: 'seal-part' | 'manifest-part') =>
      bytesOf(formatKey({ kind, timestamp: TIMESTAMP, content: last } satisfies Key));
    const ofRestore = (what: 'orders' | 'receipts', phase: 'verify' | 'data') =>
      bytesOf(`${phasePrefix(restore, what, phase)}${last}.json`);
    return {
      receipts: receiptBytes / size.contents,
      plan: await ofSet('plan'),
      seal: await ofSet('seal'),
      sealPart: await ofContent('seal-part'),
      manifest: await ofSet('manifest'),
      manifestPart: await ofContent('manifest-part'),
      verifyOrder: await ofRestore('orders', 'verify'),
      dataOrder: await ofRestore('orders', 'data'),
      dataReceipt: await ofRestore('receipts', 'data'),
    };
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}
