import { StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import type { ShippedRelation } from '../../backup-set/documents/agents.ts';
import { idsOf } from '../../backup-set/documents/plan.ts';
import type { RowFormat } from '../../backup-set/documents/receipt.ts';
import { type CopyOut, copyOut, copyOutMany } from '../../database/copy/copy-out.ts';
import type { RowBlock } from '../../database/copy-wire/row-block.ts';
import type { Session } from '../../database/session/session.ts';
import { type ShipperDeps, showUnderWay } from '../deps.ts';
import type { BackupJob } from '../protocol/control.ts';
import type { OrderedFrames } from './ordered-frames.ts';
import type { FrameCounts } from './pack-series.ts';

/** How the rows of a relation become frames and reports. */
export interface Shipping {
  readonly job: BackupJob;
  readonly frames: OrderedFrames;
  readonly deps: ShipperDeps;
}

/**
 * Ships all rows of one relation over a session. The relation is complete when the server's own row
 * count matches; the end of the byte stream alone proves nothing.
 */
export async function shipRelation(
  session: Session,
  relation: ShippedRelation,
  shipping: Shipping,
): Promise<void> {
  const { job, deps } = shipping;
  // Rows that a condition selects are read whole: the fold refuses them, should ranges be expected.
  if (relation.ranges !== undefined && !('condition' in relation))
    return shipRanges(session, relation, relation.ranges, shipping);
  const copy = copyOut(session, relation, { signal: deps.signal, encoding: job.encoding });
  await shipCopy(copy, relation, shipping);
}

/**
 * As `shipRelation`, for several small relations that are requested in one round trip. Each is
 * removed from the list when it is complete: after an error, the first one left caused it.
 */
export async function shipTogether(
  session: Session,
  relations: ShippedRelation[],
  shipping: Shipping,
): Promise<void> {
  const { job, deps } = shipping;
  for await (const { relation, ...copy } of copyOutMany(session, [...relations], {
    signal: deps.signal,
    encoding: job.encoding,
  })) {
    await shipCopy(copy, relation, shipping);
    relations.shift();
  }
}

/** As many as the server parses before the first row. */
const RANGES_TOGETHER = 100;

/**
 * Ships the rows of some ranges of blocks, each by a COPY of its own: so every frame has rows of
 * one range.
 */
async function shipRanges(
  session: Session,
  relation: ShippedRelation,
  { blocks: size, count: ranges, read }: NonNullable<ShippedRelation['ranges']>,
  shipping: Shipping,
): Promise<void> {
  const { job, deps } = shipping;
  const total = { rows: 0, bytes: 0 };
  const options = { signal: deps.signal, encoding: job.encoding };
  const pieces = [...idsOf(read)].map((range) => {
    const end = range === ranges - 1 ? undefined : (range + 1) * size;
    return { ...relation, range, blocks: [range * size, end] as const };
  });
  try {
    while (pieces.length > 0) {
      const some = pieces.splice(0, RANGES_TOGETHER);
      for await (const { relation: piece, ...copy } of copyOutMany(session, some, options)) {
        const shipped = await shipCounted(copy, piece, shipping, { range: piece.range });
        total.rows += shipped.rows;
        total.bytes += shipped.bytes;
      }
    }
  } catch (error) {
    deps.progress.rows -= total.rows;
    deps.progress.bytes -= total.bytes;
    throw error;
  }
  deps.report({ type: 'relation', relation: relation.id, ...total, ranges: read });
}

/** Ships all rows of a COPY, and compares how many there are with the server's count. */
export async function shipCopy(
  copy: CopyOut,
  relation: ShippedRelation,
  shipping: Shipping,
  rowFormat?: RowFormat,
): Promise<void> {
  const format = rowFormat && { rowFormat };
  const { rows, bytes } = await shipCounted(copy, relation, shipping, { ...format });
  shipping.deps.report({ type: 'relation', relation: relation.id, rows, bytes, ...format });
}

type FrameKind = Pick<FrameCounts, 'rowFormat' | 'range'>;

async function shipCounted(
  { blocks, rowsCounted }: CopyOut,
  relation: ShippedRelation,
  shipping: Shipping,
  kind: FrameKind,
): Promise<FrameCounts> {
  const shipped = await shipBlocks(blocks, relation, shipping, kind);
  const counted = await rowsCounted();
  if (counted !== shipped.rows) throw countsDiffer(shipping.job, relation, shipped.rows, counted);
  return shipped;
}

/**
 * Pushes blocks of rows into the frames. @returns how much was pushed. After an error the progress
 * does not count them any more: a relation can be read again.
 */
export async function shipBlocks(
  blocks: AsyncIterable<RowBlock>,
  relation: ShippedRelation,
  { frames, deps: { progress } }: Shipping,
  kind: FrameKind = {},
): Promise<FrameCounts> {
  using _ = showUnderWay(progress, `${relation.schema}.${relation.name}`);
  const total = { rows: 0, bytes: 0 };
  try {
    for await (const block of blocks) {
      const { rows, bytes } = await frames.push(relation.id, block, kind);
      total.rows += rows;
      total.bytes += bytes;
      progress.rows += rows;
      progress.bytes += bytes;
    }
    return total;
  } catch (error) {
    progress.rows -= total.rows;
    progress.bytes -= total.bytes;
    throw error;
  }
}

function countsDiffer(
  { timestamp, content }: BackupJob,
  { schema, name }: ShippedRelation,
  received: number,
  counted: number,
): StowageError {
  return new StowageError(
    'database/count',
    `${schema}.${name}: the shipper received ${plural(received, 'row')}, but the server counted ${count(counted)}`,
    {
      where: { set: timestamp, content, relation: `${schema}.${name}` },
    },
  );
}
