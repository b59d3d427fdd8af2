import { copyOut } from '../../../database/copy/copy-out.ts';
import { blockArena } from '../../../database/copy-wire/block-arena.ts';
import type { RowBlock } from '../../../database/copy-wire/row-block.ts';
import { openSession } from '../../../database/session/session.ts';

type Rows = Pick<Extract<RowBlock, { kind: 'rows' }>, 'rows' | 'count'>;

interface Source {
  readonly host: string;
  readonly port: number;
  readonly table: string;
}

/**
 * Receives a table as a shipper does, frame by frame. The memory of a frame is used again after
 * `take` resolves. Returns the number of rows that the server counted.
 * @throws Error when another number of rows was received
 */
export async function receive(
  { host, port, table }: Source,
  take: (rows: Rows) => void | Promise<void>,
): Promise<number> {
  const arena = blockArena({ connections: 1, blocks: 3, frameBytes: 4 << 20 });
  const session = await openSession(
    { host, port, user: 'postgres', database: 'postgres' },
    { purpose: 'backup', applicationName: 'stowage bench', receive: arena },
  );
  const [{ columns = [] } = {}] = await session.query<{ columns: string[] }>(
    'SELECT array_agg(attname::text ORDER BY attnum) AS columns FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0',
    [`public.${table}`],
  );
  const copy = copyOut(session, { schema: 'public', name: table, columns }, { encoding: 'UTF8' });
  let received = 0;
  for await (const block of copy.blocks) {
    if (block.kind !== 'rows') throw new Error('a row is longer than a block');
    await take(block);
    received += block.count;
    block.release();
  }
  const counted = await copy.rowsCounted();
  await session.close();
  if (counted !== received)
    throw new Error(`received ${received} rows, but the server counted ${counted}`);
  return counted;
}
