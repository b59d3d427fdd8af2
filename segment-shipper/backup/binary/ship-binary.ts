import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { ShippedRelation } from '../../../backup-set/documents/agents.ts';
import { columnUnfitForBinary } from '../../../database/catalog/binary-columns.ts';
import { copyOut, ctidAfter } from '../../../database/copy/copy-out.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import { isRejection } from '../../../database/session/database-error.ts';
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
 * @param failure of the attempt in text, which has ended its session.
 * @returns the session, for the next relations.
 * @throws StowageError `database/row-too-long` when COPY BINARY cannot carry the rows either.
 */
export async function shipBinary(
  open: () => Promise<Session>,
  relation: ShippedRelation,
  shipping: Shipping,
  failure: StowageError,
): Promise<Session> {
  const session = await open();
  const read = { rows: 0 };
  try {
    const unfit = await columnUnfitForBinary(session, relation);
    if (unfit !== undefined)
      throw again(
        failure,
        `column ${unfit.name} has type ${unfit.type}, whose binary form another database may not read`,
      );
    await shipRows(session, relation, shipping, read);
    return session;
  } catch (error) {
    await session.destroy();
    if (!isRejection(error)) throw error;
    const row = await rowAfter(open, relation, read.rows).catch(() => undefined);
    throw again(
      failure,
      `${serverMessage(error)}${row === undefined ? '' : ` (row with ctid ${row})`}`,
    );
  }
}

async function shipRows(
  session: Session,
  relation: ShippedRelation,
  shipping: Shipping,
  read: { rows: number },
): Promise<void> {
  const { signal } = shipping.deps;
  const { encoding, frameBytes } = shipping.job;
  const { blocks, rowsCounted } = copyOut(session, relation, {
    signal,
    encoding,
    rowFormat: 'binary',
  });
  const cut = binaryBlocks(bytesOf(blocks), frameBytes, blockBuffers(frameBytes, BLOCKS), read);
  await shipCopy({ blocks: cut, rowsCounted }, relation, shipping, 'binary');
}

function again(failure: StowageError, why: string): StowageError {
  const message = `${failure.message}. It cannot be read as COPY BINARY either: ${why}`;
  return new StowageError(failure.code, message, { cause: failure, where: failure.where });
}

/** What the server said, without our words around it. */
function serverMessage(error: unknown): string {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  return messageOf(last);
}

/** The ctid of the row that a COPY would send after so many rows. */
async function rowAfter(
  open: () => Promise<Session>,
  relation: ShippedRelation,
  rows: number,
): Promise<string | undefined> {
  const session = await open();
  try {
    return await ctidAfter(session, relation, rows);
  } finally {
    await session.close();
  }
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
