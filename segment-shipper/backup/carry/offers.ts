import type { ShippedRelation } from '../../../backup-set/documents/agents.ts';
import type { PackPiece } from '../../../backup-set/documents/part-packs.ts';
import { idsOf, type Relation } from '../../../backup-set/documents/plan.ts';
import type { Extent, RowFormat } from '../../../backup-set/documents/receipt.ts';
import { BASE_LINE_EXTENTS_MAX, type BaseExtents } from '../../protocol/control.ts';
import { BASE_EXTENTS_MAX, CARRIED_BYTES_MIN } from './base-index.ts';

/** Which extents of a base's part a shipper may use. */
export interface OfferRules {
  /** Of the content. `baseRelation` is the id in the base. */
  readonly relations: Iterable<
    Pick<Relation, 'id' | 'baseRelation'> & Pick<ShippedRelation, 'ranges'>
  >;
  /**
   * A pack of which the base uses a smaller share is not used again (`backup.packUseMin`): its live
   * frames are stored anew, so that dead bytes are bounded without a garbage collector.
   */
  readonly packUseMin: number;
  readonly extentsMax?: number;
}

/** The extents that a shipper may use, in lines of the control protocol. */
export interface Offers {
  /** The lines that are full after this piece. Pieces come in the order of the part. */
  of(piece: PackPiece): Generator<BaseExtents>;
  /** The lines that no further piece fills. */
  rest(): Generator<BaseExtents>;
}

/** What decides about an extent. */
type Offerable = Pick<Extent, 'relation' | 'bytes'> & { readonly range?: number | undefined };

/** Which relation of the set may use an extent of the base. Undefined = none. */
export function usersOf(
  relations: OfferRules['relations'],
): (extent: Offerable) => number | undefined {
  const ours = new Map<number, number>();
  /** Ranges of blocks that are read: rows of the others are in the set already. */
  const read = new Map<number, ReadonlySet<number>>();
  for (const { id, baseRelation, ranges } of relations) {
    if (baseRelation === undefined) continue;
    ours.set(baseRelation, id);
    if (ranges !== undefined) read.set(id, new Set(idsOf(ranges.read)));
  }
  return ({ relation: id, bytes, range }) => {
    const relation = ours.get(id);
    if (relation === undefined || bytes < CARRIED_BYTES_MIN) return undefined;
    const isUnread = range !== undefined && read.get(relation)?.has(range) === false;
    return isUnread ? undefined : relation;
  };
}

interface Offered {
  readonly relation: number;
  readonly number: number;
  readonly rowFormat: RowFormat | undefined;
  readonly digest: string;
}

export function offersOf({
  relations,
  packUseMin,
  extentsMax = BASE_EXTENTS_MAX,
}: OfferRules): Offers {
  const userOf = usersOf(relations);
  const lines = fillingLines();
  /** Of the pack that is being read: how much of it is used is known at its end. */
  let pack = { used: 0, offered: [] as Offered[] };
  let number = -1;
  let left = extentsMax;
  const note = (extent: Extent) => {
    number++;
    pack.used += extent.length;
    const relation = userOf(extent);
    const { digest, rowFormat } = extent;
    if (relation === undefined || digest === undefined) return;
    pack.offered.push({ relation, number, rowFormat, digest });
  };
  return {
    *of(piece) {
      if (piece.extents !== undefined) return piece.extents.forEach(note);
      const { used, offered } = pack;
      pack = { used: 0, offered: [] };
      if (used < piece.packBytes * packUseMin) return;
      for (const extent of offered) {
        if (left-- <= 0) return;
        const full = lines.add(extent);
        if (full !== undefined) yield full;
      }
    },
    rest: lines.rest,
  };
}

/** A line for each relation and row format. */
function fillingLines() {
  const filling = new Map<string, Offered[]>();
  return {
    /** @returns the line that is full now. */
    add(extent: Offered): BaseExtents | undefined {
      const key = `${extent.relation} ${extent.rowFormat ?? ''}`;
      const line = filling.get(key) ?? [];
      filling.set(key, line);
      line.push(extent);
      if (line.length < BASE_LINE_EXTENTS_MAX) return undefined;
      filling.delete(key);
      return lineOf(line);
    },
    *rest(): Generator<BaseExtents> {
      for (const line of filling.values()) yield lineOf(line);
      filling.clear();
    },
  };
}

function lineOf(extents: readonly Offered[]): BaseExtents {
  const { relation = 0, rowFormat } = extents[0] ?? {};
  return {
    type: 'base',
    relation,
    ...(rowFormat && { rowFormat }),
    from: extents.map(({ number }) => number),
    // 24 bytes are 32 characters of base64url without padding, so that they can be joined.
    digests: extents.map(({ digest }) => digest).join(''),
  };
}
