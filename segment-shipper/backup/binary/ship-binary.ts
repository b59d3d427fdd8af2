import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { ShippedRelation } from '../../../backup-set/documents/agents.ts';
import { columnUnfitForBinary } from '../../../database/catalog/binary-columns.ts';
import { copyOut } from '../../../database/copy/copy-out.ts';
import { longestRow } from '../../../database/copy/longest-row.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import { isRejection } from '../../../database/session/database-error.ts';
import type { Session } from '../../../database/session/session.ts';
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
  const why = await shipUnless(session, relation, shipping);
  if (why === undefined) return session;
  await session.destroy();
  const row = await longestIn(open, relation).catch(() => '');
  const message = `${failure.message}. It cannot be read as COPY BINARY either: ${why}${row}`;
  throw new StowageError(failure.code, message, { cause: failure, where: failure.where });
}

/** @returns why COPY BINARY cannot carry the rows; undefined when they are shipped. */
async function shipUnless(
  session: Session,
  relation: ShippedRelation,
  shipping: Shipping,
): Promise<string | undefined> {
  try {
    const unfit = await columnUnfitForBinary(session, relation);
    if (unfit !== undefined)
      return `column ${unfit.name} has type ${unfit.type}, whose binary form another database may not read`;
    await shipRows(session, relation, shipping);
    return undefined;
  } catch (error) {
    if (isRejection(error)) return serverMessage(error);
    await session.destroy();
    throw error;
  }
}

async function shipRows(
  session: Session,
  relation: ShippedRelation,
  shipping: Shipping,
): Promise<void> {
  const { signal } = shipping.deps;
  const { encoding, frameBytes } = shipping.job;
  const { blocks, rowsCounted } = copyOut(session, relation, {
    signal,
    encoding,
    rowFormat: 'binary',
  });
  const arena = blockArena({ connections: 1, blocks: BLOCKS, frameBytes });
  const cut = binaryBlocks(bytesOf(blocks), arena);
  await shipCopy({ blocks: cut, rowsCounted }, relation, shipping, 'binary');
}

/** What the server said, without our words around it. */
function serverMessage(error: unknown): string {
  let last = error;
  while (last instanceof Error && last.cause instanceof Error) last = last.cause;
  const detail = last instanceof Error && 'detail' in last ? last.detail : undefined;
  return typeof detail === 'string'
    ? `${messageOf(last)}: ${detail.replace(/\.$/, '')}`
    : messageOf(last);
}

/** In a session of its own: the failure has ended the other one. */
async function longestIn(open: () => Promise<Session>, relation: ShippedRelation): Promise<string> {
  const session = await open();
  try {
    const longest = await longestRow(session, relation);
    if (longest === undefined) return '';
    const { ctid, bytes } = longest;
    return `; the longest row has ctid ${ctid} and ${plural(bytes, 'byte')} in its bytea, text and varchar columns`;
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
