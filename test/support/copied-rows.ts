import type { RowBlock } from '../../database/copy-wire/row-block.ts';

/** The bytes of each block, copied, so that the block can be released at once. */
export async function* copiedRows(blocks: AsyncIterable<RowBlock>): AsyncGenerator<Buffer> {
  for await (const block of blocks) {
    if (block.kind === 'rows') {
      const rows = Buffer.from(block.rows);
      block.release();
      yield rows;
    } else {
      for await (const chunk of block.chunks) yield Buffer.from(chunk);
    }
  }
}
