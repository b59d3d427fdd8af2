import type { ManifestPart } from '../../../backup-set/documents/manifest.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import type { Extent } from '../../../backup-set/documents/receipt.ts';
import {
  BASE_EXTENTS_MAX,
  CARRIED_BYTES_MIN,
} from '../../../segment-shipper/backup/carry/base-index.ts';
import {
  BASE_LINE_EXTENTS_MAX,
  type BaseExtents,
} from '../../../segment-shipper/protocol/control.ts';

/**
 * A pack of which the base uses less is not used again: its live frames are stored anew, so that
 * dead bytes are bounded without a garbage collector.
 */
const PACK_USE_MIN = 0.5;

/**
 * The extents of the base that a shipper may use, in lines of the control protocol.
 * @param read the relations that it reads.
 * @param isUnread whether rows of the relation are in the set already, from the base.
 */
export function* offersOf(
  part: ManifestPart,
  relations: Plan['relations'],
  read: Iterable<number>,
  extentsMax = BASE_EXTENTS_MAX,
  isUnread: (relation: number, range: number | undefined) => boolean = () => false,
): Generator<BaseExtents> {
  const ours = new Map<number, number>();
  for (const id of read) {
    const from = relations[id]?.baseRelation;
    if (from !== undefined) ours.set(from, id);
  }
  const lines = new Map<string, { line: BaseExtents; digests: string[] }>();
  let number = -1;
  let offered = 0;
  for (const { bytes, extents } of part.packs) {
    const used = extents.reduce((sum, { length }) => sum + length, 0);
    for (const extent of extents) {
      number++;
      const relation = ours.get(extent.relation);
      if (relation === undefined || extent.digest === undefined || used < bytes * PACK_USE_MIN)
        continue;
      if (isUnread(relation, extent.range)) continue;
      if (extent.bytes < CARRIED_BYTES_MIN || offered === extentsMax) continue;
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
  }
  for (const filling of lines.values()) yield whole(filling);
}

const emptyLine = (relation: number, { rowFormat }: Extent): BaseExtents => ({
  type: 'base',
  relation,
  ...(rowFormat && { rowFormat }),
  from: [],
  digests: '',
});

/** 24 bytes are 32 characters of base64url without padding, so that they can be joined. */
const whole = ({ line, digests }: { line: BaseExtents; digests: string[] }): BaseExtents => ({
  ...line,
  digests: digests.join(''),
});
