import { StowageError } from '../../../backup-set/base/errors.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import type { BlockBuffers } from '../row-blocks.ts';
import { type BinaryReader, binaryReader } from './binary-reader.ts';

/**
 * Cuts what COPY … TO STDOUT (FORMAT binary) sends into blocks of whole rows, of `blockBytes` and
 * the rest of the last row. A row that does not fit into the buffer behind other rows begins the
 * next block; one that does not fit at all is a long row. The same rows give the same blocks.
 */
export async function* binaryBlocks(
  source: AsyncIterable<Uint8Array>,
  blockBytes: number,
  buffers: BlockBuffers,
): AsyncGenerator<RowBlock> {
  const reader = binaryReader(source);
  let filling: Buffer | undefined;
  let used = 0;
  let rows = 0;
  /** Where the row under way begins: behind the whole rows. */
  let rowStart = 0;
  const room = async () => (filling ??= await buffers.take());
  /** The whole rows so far. The row under way is moved to the next block, before the yield. */
  const cut = async (full: Buffer): Promise<RowBlock> => {
    const block = full.subarray(0, rowStart);
    const count = rows;
    const rest = Buffer.from(full.subarray(rowStart, used));
    filling = undefined;
    [used, rows, rowStart] = [rest.byteLength, 0, 0];
    if (rest.byteLength > 0) (await room()).set(rest);
    return { kind: 'rows', rows: block, count, release: () => buffers.give(full) };
  };
  try {
    for (;;) {
      const some = await reader.read(blockBytes - used);
      if (some === undefined) break;
      const end = (before: number) => before + some.bytes.byteLength;
      let buffer = await room();
      if (end(used) > buffer.byteLength && rows > 0) {
        yield await cut(buffer);
        buffer = await room();
      }
      if (end(used) > buffer.byteLength) {
        const head = Buffer.from(buffer.subarray(0, used));
        used = 0;
        yield { kind: 'long-row', chunks: longRow(head, some, reader) };
        continue;
      }
      buffer.set(some.bytes, used);
      used = end(used);
      rows += some.rows;
      if (some.rows > 0) rowStart = used;
      if (some.rows > 0 && used >= blockBytes) yield await cut(buffer);
    }
    if (filling !== undefined && rows > 0) yield await cut(filling);
  } finally {
    if (filling !== undefined) buffers.give(filling);
  }
}

type Some = NonNullable<Awaited<ReturnType<BinaryReader['read']>>>;

/** The row that begins with `head`, and goes on with `some`. */
async function* longRow(
  head: Uint8Array,
  some: Some,
  reader: BinaryReader,
): AsyncGenerator<Uint8Array> {
  if (head.byteLength > 0) yield head;
  let next: Some | undefined = some;
  while (next.rows === 0) {
    yield next.bytes;
    next = await reader.read(0);
    if (next === undefined)
      throw new StowageError('database/failed', 'the server ended a COPY in the middle of a row');
  }
  yield next.bytes;
}
