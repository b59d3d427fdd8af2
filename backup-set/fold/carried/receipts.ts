import { formatKey } from '../../base/keys.ts';
import type { Problem } from '../../base/verdict.ts';
import { idsOf } from '../../documents/plan.ts';
import {
  type CarriedExtent,
  type CarriedReceipt,
  type Extent,
  objectRefShape,
} from '../../documents/receipt.ts';
import { countsIn, type ShippedPack } from '../relations.ts';
import type { Carrying, Numbered } from './base-part.ts';

/** One for each pack and attempt. */
type Found = Map<string, { attempt: number; pack: number; extents: Extent[] }>;

/**
 * The packs of the base that the receipts name, with the extents that this set uses. A receipt
 * states what was read, and the base what is stored: they must agree in everything.
 * @returns one problem per receipt, at most.
 */
export function carriedPacks(
  carrying: Carrying,
  receipts: readonly CarriedReceipt[],
  base: Numbered,
): { readonly packs: readonly ShippedPack[]; readonly problems: readonly Problem[] } {
  const { content } = carrying.planned;
  const assigned = new Set(idsOf(carrying.planned.relations));
  const found: Found = new Map();
  const problems = receipts.flatMap((receipt): Problem[] => {
    const difference = takeAll(receipt, { ...carrying, assigned, base, found });
    if (difference === undefined) return [];
    const object = formatKey({ ...receipt, kind: 'receipt' });
    return [{ code: 'documents-disagree', content, object, ...difference }];
  });
  const packs = [...found.values()].flatMap(({ attempt, pack, extents }) => {
    const stored = base.part.packs[pack];
    return stored === undefined ? [] : [{ attempt, object: objectRefShape(stored), extents }];
  });
  return { packs, problems };
}

interface Taking extends Carrying {
  readonly assigned: ReadonlySet<number>;
  readonly base: Numbered;
  readonly found: Found;
}

type Difference = Pick<Problem, 'message' | 'relation'>;

/** Adds the counting extents of a receipt to `found`. @returns the first difference. */
function takeAll(receipt: CarriedReceipt, taking: Taking): Difference | undefined {
  const { plan, counts, base, assigned, found } = taking;
  const { attempt } = receipt;
  for (const claimed of receipt.extents) {
    const { relation, from, range } = claimed;
    if (!assigned.has(relation))
      return {
        message: `rows of relation ${relation} are carried, which the plan does not assign to this content`,
      };
    if (!countsIn(counts, claimed, attempt)) continue;
    const pack = packOf(base, from);
    const extent = base.part.packs[pack]?.extents[from - (base.starts[pack] ?? 0)];
    const named = plan.relations[relation];
    const message = differenceOf(claimed, extent, named?.baseRelation, base.isUsed[from] === 1);
    if (extent === undefined || message !== undefined) {
      const { schema = '', name = '' } = named ?? {};
      return { relation: { schema, name }, message: `extent ${from} of the base ${message}` };
    }
    base.isUsed[from] = 1;
    const key = `${attempt} ${pack}`;
    const group = found.get(key) ?? { attempt, pack, extents: [] };
    const { range: _, ...same } = extent;
    group.extents.push({ ...same, relation, ...(range !== undefined && { range }) });
    found.set(key, group);
  }
  return undefined;
}

/** The last pack that begins at or before this extent; −1 when there is no such extent. */
function packOf({ starts }: Numbered, extent: number): number {
  let [low, high] = [0, starts.length - 1];
  if (extent >= (starts[high] ?? 0)) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= extent) low = middle;
    else high = middle;
  }
  return low;
}

function differenceOf(
  claimed: CarriedExtent,
  extent: Extent | undefined,
  baseRelation: number | undefined,
  isUsed: boolean,
): string | undefined {
  if (extent === undefined) return 'does not exist';
  if (isUsed) return 'is carried twice';
  if (extent.relation !== baseRelation) return 'has rows of another relation';
  if (extent.digest !== claimed.digest) return 'has another digest than the rows that were read';
  if (extent.rowFormat !== claimed.rowFormat) return 'has another row format';
  if (extent.rows !== claimed.rows || extent.bytes !== claimed.bytes)
    return 'has other numbers of rows and bytes than were read';
  return undefined;
}
