import { digestOf, encode, sha256 } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import type { PackReceipt } from '../../../backup-set/documents/receipt.ts';
import { Seal } from '../../../backup-set/documents/seal.ts';
import {
  documentsOf,
  receiptDocument,
  type SetParts,
  sealFor,
  sealOf,
  TIMESTAMP,
} from '../../../backup-set/testing/builders.ts';
import {
  extent,
  pack,
  plan,
  sealedRelation,
  sound,
} from '../../../backup-set/testing/small-set.ts';
import type { Stored } from '../functions/sets.ts';

export { TIMESTAMP };

/**
 * Documents that replace the valid ones, with matching digests, as an attacker on a segment host
 * could.
 */
export interface Hostile {
  readonly plan?: Uint8Array;
  readonly receipt?: Uint8Array;
  readonly sealPart?: Uint8Array;
  readonly seal?: Uint8Array;
}

export const KEYS = {
  plan: formatKey({ kind: 'plan', timestamp: TIMESTAMP }),
  receipt: receiptDocument(soundReceipt()).key,
  sealPart: formatKey({ kind: 'seal-part', timestamp: TIMESTAMP, content: 0 }),
  seal: formatKey({ kind: 'seal', timestamp: TIMESTAMP }),
  manifest: formatKey({ kind: 'manifest', timestamp: TIMESTAMP }),
} as const;

/** The receipt of the one pack of the set. */
export function soundReceipt(): PackReceipt {
  const [receipt] = sound.sealed;
  if (receipt?.kind !== 'pack') throw new Error('the small set has no pack');
  return receipt;
}

export const textOfReceipt = () => Buffer.from(receiptDocument(soundReceipt()).bytes).toString();
export const textOfPlan = () => Buffer.from(encode(Plan, plan)).toString();

/** A set of one pack, with everything that a backup stores before the functions run. */
export function hostileSet(hostile: Hostile): Stored[] {
  const whole = sealOf(sound);
  const contents = whole.contents.map((content) => ({
    ...content,
    receipts: content.receipts.map((named) => ({
      ...named,
      ...(hostile.receipt && { sha256: sha256(hostile.receipt) }),
    })),
  }));
  const planSha256 = hostile.plan === undefined ? whole.planSha256 : sha256(hostile.plan);
  const seal = { ...whole, planSha256, contents };
  const documents = documentsOf(sound, { seal });
  const pinned =
    hostile.sealPart === undefined
      ? documents.seal.bytes
      : encode(Seal, {
          ...sealFor(seal),
          contents: [{ content: 0, part: digestOf(hostile.sealPart) }],
        });
  const { object } = soundReceipt();
  return [
    { key: object.key, bytes: new Uint8Array(object.bytes) },
    { key: KEYS.plan, bytes: hostile.plan ?? documents.plan.bytes },
    ...documents.receipts.map(({ key, bytes }) => ({ key, bytes: hostile.receipt ?? bytes })),
    ...documents.sealParts.map(({ key, bytes }) => ({ key, bytes: hostile.sealPart ?? bytes })),
    { key: KEYS.seal, bytes: hostile.seal ?? pinned },
  ];
}

/** A set whose documents describe one frame: these stored bytes, and `bytes` when decompressed. */
export function setOfFrame(frame: Uint8Array, bytes: number, crc32: string): Stored[] {
  const receipt = pack(1, [extent(0, 0, { length: frame.length, bytes, crc32 })]);
  const parts: SetParts = {
    ...sound,
    sealed: [{ ...receipt, object: { ...receipt.object, crc32 } }],
    counts: new Map([[0, [sealedRelation(0, 10, { bytes }), sealedRelation(1, 0)]]]),
  };
  const documents = documentsOf(parts);
  const { plan: planned, receipts, sealParts, seal } = documents;
  return [{ key: receipt.object.key, bytes: frame }, planned, ...receipts, ...sealParts, seal];
}
