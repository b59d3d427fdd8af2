import type { PartPack } from '../../../backup-set/documents/part-packs.ts';
import type { Relation } from '../../../backup-set/documents/plan.ts';
import type { Extent } from '../../../backup-set/documents/receipt.ts';
import { BASE_LINE_EXTENTS_MAX, type BaseExtents } from '../../protocol/control.ts';
import { BASE_EXTENTS_MAX, CARRIED_BYTES_MIN } from './base-index.ts';

/** Which extents of a base's part a shipper may use. */
export interface OfferRules {
  /** Of the content. `baseRelation` is the id in the base. */
  readonly relations: Iterable<Pick<Relation, 'id' | 'baseRelation'>>;
  /**
   * A pack of which the base uses a smaller share is not used again (`backup.packUseMin`): its live
   * frames are stored anew, so that dead bytes are bounded without a garbage collector.
   */
  readonly packUseMin: number;
  readonly extentsMax?: number;
}

/** The extents that a shipper may use, in lines of the control protocol. */
export interface Offers {
  /** The lines that are full after this pack. Packs come in the order of the part. */
  ofPack(pack: PartPack): Generator<BaseExtents>;
  /** The lines that no further pack fills. */
  rest(): Generator<BaseExtents>;
}

interface Filling {
  readonly line: BaseExtents;
  readonly digests: string[];
}

export function offersOf({
  relations,
  packUseMin,
  extentsMax = BASE_EXTENTS_MAX,
}: OfferRules): Offers {
  const ours = new Map<number, number>();
  for (const { id, baseRelation } of relations)
    if (baseRelation !== undefined) ours.set(baseRelation, id);
  const lines = new Map<string, Filling>();
  let number = -1;
  let offered = 0;
  return {
    *ofPack({ bytes, extents }) {
      const used = extents.reduce((sum, { length }) => sum + length, 0);
      for (const extent of extents) {
        number++;
        const relation = ours.get(extent.relation);
        if (relation === undefined || extent.digest === undefined) continue;
        if (used < bytes * packUseMin || extent.bytes < CARRIED_BYTES_MIN) continue;
        if (offered === extentsMax) continue;
        offered++;
        const key = `${relation} ${extent.rowFormat ?? ''}`;
        const filling = lines.get(key) ?? { line: emptyLine(relation, extent), digests: [] };
        lines.set(key, filling);
        filling.line.from.push(number);
        filling.digests.push(extent.digest);
        if (filling.line.from.length < BASE_LINE_EXTENTS_MAX) continue;
        lines.delete(key);
        yield whole(filling);
      }
    },
    *rest() {
      for (const filling of lines.values()) yield whole(filling);
      lines.clear();
    },
  };
}

const emptyLine = (relation: number, { rowFormat }: Extent): BaseExtents => ({
  type: 'base',
  relation,
  ...(rowFormat && { rowFormat }),
  from: [],
  digests: '',
});

/** 24 bytes are 32 characters of base64url without padding, so that they can be joined. */
const whole = ({ line, digests }: Filling): BaseExtents => ({
  ...line,
  digests: digests.join(''),
});
