import type { RowBlock } from '../../database/copy-wire/row-block.ts';

/** The bytes of blocks, each copied and given back at once. */
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
