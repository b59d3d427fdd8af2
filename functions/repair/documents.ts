import { mapInFlight } from '../../async/each-in-flight.ts';
import { decode, RECEIPT_BYTES_MAX, sha256 } from '../../backup-set/base/document.ts';
import { formatKey } from '../../backup-set/base/keys.ts';
import type { Problem } from '../../backup-set/base/verdict.ts';
import { ManifestPart } from '../../backup-set/documents/manifest.ts';
import { Plan } from '../../backup-set/documents/plan.ts';
import { Seal, SealPart } from '../../backup-set/documents/seal.ts';
import { READS_IN_FLIGHT, readDocument } from '../stored/load.ts';
import { lostKeys } from './lost-keys.ts';
import type { Reference, RepairRoots } from './reference.ts';
import type { RepairItem } from './repair-plan.ts';

/** The documents of a set to bring back, and the parts of its manifest, which list the objects. */
export interface FoundDocuments {
  readonly receipts: RepairItem[];
  readonly parts: RepairItem[];
  readonly heads: RepairItem[];
  readonly lost: Problem[];
  readonly manifestParts: readonly { readonly value: ManifestPart; readonly bytes: Uint8Array }[];
}

type Look = (key: string, digest: string, bytesMax?: number) => Promise<Uint8Array | undefined>;

/**
 * Looks at every document that the manifest pins, from the plan and the seal down to the receipts.
 * One that has another digest than the pinned one is damaged, under either root.
 */
export async function findDocuments(
  roots: RepairRoots,
  { manifest, raw }: Reference,
): Promise<FoundDocuments> {
  const { timestamp, proof, contents } = manifest;
  const lost: Problem[] = [];
  const into = (items: RepairItem[]): Look => lookInto(roots, items, lost);
  const receipts: RepairItem[] = [];
  const parts: RepairItem[] = [];
  const heads: RepairItem[] = [];
  const manifestParts: { value: ManifestPart; bytes: Uint8Array }[] = [];
  const intoHeads = into(heads);
  const planKey = formatKey({ kind: 'plan', timestamp });
  const plan = await intoHeads(planKey, proof.planSha256);
  const planned = plan && decode(Plan, { key: planKey, bytes: plan });
  const sealKey = formatKey({ kind: 'seal', timestamp });
  const seal = await intoHeads(sealKey, proof.sealSha256);
  const sealed = seal && decode(Seal, { key: sealKey, bytes: seal });
  const needed = manifest.needed?.sha256;
  if (needed !== undefined) await intoHeads(formatKey({ kind: 'needs', timestamp }), needed);
  await intoHeads(raw.key, sha256(raw.bytes));
  for (const { content, part } of contents) {
    const intoParts = into(parts);
    const key = formatKey({ kind: 'manifest-part', timestamp, content });
    const bytes = await intoParts(key, part.sha256);
    const pinned = planned?.contents.find((candidate) => candidate.content === content);
    for (const [kind, document] of [
      ['base-part', pinned?.base],
      ['witnesses', pinned?.witnesses],
    ] as const)
      if (document !== undefined)
        await intoParts(formatKey({ kind, timestamp, content }), document.sha256);
    if (bytes !== undefined)
      manifestParts.push({ value: decode(ManifestPart, { key, bytes }), bytes });
    if (sealed !== undefined)
      await receiptsOf(timestamp, content, sealed, {
        intoParts,
        intoReceipts: into(receipts),
      });
  }
  const keys = await lostKeys(roots, manifest);
  return {
    receipts,
    parts: [...parts, ...keys.items],
    heads,
    lost: [...lost, ...keys.lost],
    manifestParts,
  };
}

async function receiptsOf(
  timestamp: string,
  content: number,
  seal: Seal,
  { intoParts, intoReceipts }: { readonly intoParts: Look; readonly intoReceipts: Look },
): Promise<void> {
  const sealed = seal.contents.find((candidate) => candidate.content === content);
  if (sealed === undefined) return;
  const key = formatKey({ kind: 'seal-part', timestamp, content });
  const bytes = await intoParts(key, sealed.part.sha256);
  if (bytes === undefined) return;
  const part = decode(SealPart, { key, bytes });
  await mapInFlight(part.receipts, READS_IN_FLIGHT, ({ sha256: digest, ...shipment }) =>
    intoReceipts(
      formatKey({ kind: 'receipt', timestamp, content, ...shipment }),
      digest,
      RECEIPT_BYTES_MAX,
    ),
  );
}

/** Adds a document that is not the pinned one to the items. @returns the pinned bytes. */
function lookInto({ to, from }: RepairRoots, items: RepairItem[], lost: Problem[]): Look {
  return async (key, digest, bytesMax) => {
    const own = await readDocument(to, key, bytesMax);
    if (own !== undefined && sha256(own.bytes) === digest) return own.bytes;
    const good = await readDocument(from, key, bytesMax);
    if (good !== undefined && sha256(good.bytes) === digest) {
      const state = own === undefined ? 'missing' : 'damaged';
      items.push({ key, bytes: good.bytes.length, state, good: { document: good.bytes } });
      return good.bytes;
    }
    const there = good === undefined ? 'is missing' : 'is damaged, too (its SHA-256 differs)';
    const message = `the document is not as the set says, and under ${from.store.url} it ${there}`;
    lost.push({
      code: own === undefined ? 'object-missing' : 'documents-disagree',
      object: key,
      message,
    });
    return undefined;
  };
}
