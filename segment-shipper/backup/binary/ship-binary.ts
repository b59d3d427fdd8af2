import { StowageError } from '../../../backup-set/base/errors.ts';
import type { ShippedRelation } from '../../../backup-set/documents/agents.ts';
import { columnUnfitForBinary } from '../../../database/catalog/binary-columns.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import type { Session } from '../../../database/session/session.ts';
import { blockBuffers } from '../row-blocks.ts';
import { type Shipping, shipCopy } from '../ship-relation.ts';
import { binaryBlocks } from './binary-blocks.ts';

/** One is being filled while the others are compressed. */
const BLOCKS = 3;

/**
 * Ships all rows of a relation in COPY BINARY: a `bytea` has half the bytes that it has in text.
 * Frames of the relation in text, of an attempt that failed, may be in the packs: the seal says
 * which format counts.
 * @param failure of the attempt in text.
 */
export async function shipBinary(
  session: Session,
  relation: ShippedRelation,
  shipping: Shipping,
  failure: StowageError,
): Promise<void> {
  const { job, deps } = shipping;
  const unfit = await columnUnfitForBinary(session, relation);
  if (unfit !== undefined)
    throw again(
      failure,
      `column ${unfit.name} has type ${unfit.type}, whose binary form another database may not read`,
    );
  deps.log.warn({ relation: relation.id }, `${failure.message}; reading the table as COPY BINARY`);
  const { blocks, rowsCounted } = copyOut(session, relation, {
    signal: deps.signal,
    encoding: job.encoding,
    rowFormat: 'binary',
  });
  const buffers = blockBuffers(job.frameBytes, BLOCKS);
  const cut = binaryBlocks(bytesOf(blocks), job.frameBytes, buffers);
  await shipCopy({ blocks: cut, rowsCounted }, relation, shipping, 'binary');
}

function again(failure: StowageError, why: string): StowageError {
  const message = `${failure.message}. It cannot be read as COPY BINARY either: ${why}`;
  return new StowageError(failure.code, message, { cause: failure, where: failure.where });
}

async function* bytesOf(blocks: AsyncIterable<RowBlock>): AsyncGenerator<Uint8Array> {
  for await (const block of blocks) {
    if (block.kind === 'long-row') {
      yield* block.chunks;
      continue;
    }
    try {
      yield block.rows;
    } finally {
      block.release();
    }
  }
}
