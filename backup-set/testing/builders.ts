import { digestOf, encode, type RawDocument, sha256 } from '../base/document.ts';
import { formatKey } from '../base/keys.ts';
import { Plan } from '../documents/plan.ts';
import { type CarriedReceipt, type ObjectReceipt, Receipt } from '../documents/receipt.ts';
import { Seal, type SealedRelation, SealPart } from '../documents/seal.ts';
import type { SetDocuments } from './fold-whole.ts';

export const TIMESTAMP = '20260131120000';
export const AT = '2026-01-31T12:00:00.000Z';

/** The data of a set, from which a test makes its documents. */
export interface SetParts {
  readonly plan: Plan;
  /** Receipts that the seal names. */
  readonly sealed: readonly ObjectReceipt[];
  /** Receipts of carried rows, which the seal names, and what is at base/<content>.json. */
  readonly carried?: readonly CarriedReceipt[];
  readonly baseParts?: readonly RawDocument[];
  /** What is at witnesses/<content>.json. */
  readonly witnesses?: readonly RawDocument[];
  /** Receipts of failed attempts, which the seal does not name. */
  readonly dead: readonly ObjectReceipt[];
  /** What the database counted, per content. */
  readonly counts: ReadonlyMap<number, readonly SealedRelation[]>;
}

/** A seal with its parts in one object. */
export type WholeSeal = Omit<Seal, 'contents'> & {
  readonly contents: readonly Pick<SealPart, 'content' | 'receipts' | 'relations'>[];
};

function planDocument(plan: Plan): RawDocument {
  return { key: formatKey({ kind: 'plan', timestamp: plan.timestamp }), bytes: encode(Plan, plan) };
}

export function receiptDocument(receipt: Receipt): RawDocument {
  return { key: formatKey({ ...receipt, kind: 'receipt' }), bytes: encode(Receipt, receipt) };
}

export function sealDocument(seal: Seal): RawDocument {
  return { key: formatKey({ kind: 'seal', timestamp: seal.timestamp }), bytes: encode(Seal, seal) };
}

export function sealPartDocument(part: SealPart): RawDocument {
  return { key: formatKey({ ...part, kind: 'seal-part' }), bytes: encode(SealPart, part) };
}

/** The parts of a seal. */
export function partsOf({ timestamp, contents }: WholeSeal): SealPart[] {
  return contents.map((content) => ({
    format: 'stowage/seal-part',
    version: 1,
    timestamp,
    ...content,
  }));
}

/** The seal that names these parts. */
export function sealFor(whole: WholeSeal): Seal {
  const contents = partsOf(whole).map((part) => ({
    content: part.content,
    part: digestOf(sealPartDocument(part).bytes),
  }));
  return { ...whole, contents };
}

/** The seal that a coordinator writes for these parts. */
export function sealOf({ plan, sealed, carried = [], counts }: SetParts): WholeSeal {
  const contents = plan.contents.map(({ content }) => {
    const receipts = [...sealed, ...carried]
      .filter((receipt) => receipt.content === content)
      .map((receipt) => {
        const { attempt, worker, sequence } = receipt;
        return { attempt, worker, sequence, sha256: sha256(receiptDocument(receipt).bytes) };
      });
    return { content, receipts, relations: [...(counts.get(content) ?? [])] };
  });
  const outcome = 'counted';
  const { timestamp } = plan;
  const planSha256 = sha256(planDocument(plan).bytes);
  return {
    format: 'stowage/seal',
    version: 1,
    timestamp,
    sealedAt: AT,
    planSha256,
    outcome,
    contents,
    failures: [],
    // Without the key of the set no program can tell whether it is the right one.
    ...(plan.encryption && { mac: '0'.repeat(64) }),
  };
}

/** The documents in the store, with the changes of a test. */
export function documentsOf(
  parts: SetParts,
  change: { plan?: Plan; seal?: WholeSeal; receipts?: readonly RawDocument[] } = {},
): Required<SetDocuments> & { readonly seal: RawDocument } {
  const whole = change.seal ?? sealOf(parts);
  return {
    plan: planDocument(change.plan ?? parts.plan),
    receipts:
      change.receipts ??
      [...parts.sealed, ...(parts.carried ?? []), ...parts.dead].map(receiptDocument),
    baseParts: parts.baseParts ?? [],
    witnesses: parts.witnesses ?? [],
    seal: sealDocument(sealFor(whole)),
    sealParts: partsOf(whole).map(sealPartDocument),
  };
}

/** True if the manifest has extents or files of this receipt. */
export function isCounting(receipt: ObjectReceipt, { counts, sealed }: SetParts): boolean {
  if (!sealed.includes(receipt)) return false;
  if (receipt.kind === 'metadata') return true;
  return countingExtents(receipt, counts).length > 0;
}

/** The extents of a pack whose attempt and row format count. */
export function countingExtents(receipt: Receipt, counts: SetParts['counts']) {
  if (receipt.kind !== 'pack') return [];
  const here = counts.get(receipt.content) ?? [];
  return receipt.extents.filter(({ relation, rowFormat }) =>
    here.some(
      (count) =>
        count.relation === relation &&
        count.attempt === receipt.attempt &&
        count.rowFormat === rowFormat,
    ),
  );
}
