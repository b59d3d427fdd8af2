import type { DocumentIndex } from '../../base/document.ts';
import type { Problem } from '../../base/verdict.ts';
import type { Receipt } from '../../documents/receipt.ts';
import type { SealPart } from '../../documents/seal.ts';
import type { Witnesses } from '../../documents/witnesses.ts';
import type { SealedCounts, ShippedPack } from '../relations.ts';
import { type Carrying, readBasePart } from './base-part.ts';
import { strayExtents, withUnread } from './ranges.ts';
import { carriedPacks } from './receipts.ts';
import { readWitnesses, witnessedPacks } from './witnessed.ts';

/** Rows of a content that lie in packs of older sets. */
export interface CarriedRows {
  readonly packs: readonly ShippedPack[];
  readonly problems: readonly Problem[];
  /** Of the seal, with the rows of ranges of blocks that were not read. */
  readonly counts: SealedCounts;
  /** Absent = the plan pins none, or they are not readable. */
  readonly witnesses?: Witnesses | undefined;
}

/** What the base has of the rows: those that were not read, and those that were read and found. */
export function carriedRows(
  carrying: Carrying,
  sealed: SealPart,
  receipts: readonly Receipt[],
  documents: DocumentIndex,
): CarriedRows {
  const none = { packs: [], problems: [], counts: carrying.counts };
  const read = readWitnesses(carrying, documents);
  if (!read.ok) return { ...none, problems: [read.failure] };
  const witnesses = read.value;
  const carried = receipts.filter((receipt) => receipt.kind === 'carried');
  const needsBase =
    carried.length > 0 ||
    sealed.relations.some((relation) => relation.carried) ||
    (witnesses?.relations.some((one) => one.carried || one.readAt !== carrying.plan.timestamp) ??
      false);
  const base = needsBase ? readBasePart(carrying, documents) : undefined;
  if (base?.ok === false) return { ...none, problems: [base.failure] };
  // Relations that were not read come first: a receipt must not use their extents, too.
  const unread = witnessedPacks(carrying, witnesses, base?.value);
  const known = base === undefined ? none : carriedPacks(carrying, carried, base.value);
  const { plan, planned, counts } = carrying;
  const shipped = receipts.filter((receipt) => receipt.kind === 'pack');
  const stray = strayExtents(plan, planned.content, counts, [...shipped, ...known.packs]);
  return {
    packs: [...unread.packs, ...known.packs],
    problems: [...unread.problems, ...known.problems, ...stray],
    counts: withUnread(counts, unread.packs),
    witnesses,
  };
}
