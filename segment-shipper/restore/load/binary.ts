import type { LoadRelation, OrderOf } from '../../../backup-set/documents/restore.ts';
import { copyIn } from '../../../database/copy/copy-in.ts';
import { beginLoad } from '../../../database/target/load-transaction.ts';
import type { ShipperDeps } from '../../deps.ts';
import { countBytes, rowsOf } from '../../read/rows-of.ts';
import { requireCount } from '../order-result.ts';
import type { RestoreConnection } from './connection.ts';

/**
 * Loads a relation with frames of COPY BINARY over one connection, in one transaction: first its
 * text, which the rows of other contents can be, then its binary rows.
 */
export async function loadBinary(
  relation: LoadRelation,
  connection: RestoreConnection,
  deps: Pick<ShipperDeps, 'store' | 'signal' | 'progress'>,
  { mode, encoding }: Pick<OrderOf<'data'>, 'mode' | 'encoding'>,
): Promise<void> {
  const { store, signal, progress } = deps;
  const session = await connection.open();
  const transaction = await beginLoad(session, relation, { mode, signal });
  let count = 0;
  for (const rowFormat of [undefined, 'binary'] as const) {
    const extents = relation.extents.filter((extent) => extent.rowFormat === rowFormat);
    if (extents.length === 0) continue;
    const over = new AbortController();
    const rows = rowsOf(store, extents, { signal: AbortSignal.any([signal, over.signal]) });
    const options = { signal, encoding, rowFormat, over };
    count += await copyIn(session, relation, countBytes(rows, progress), options);
  }
  requireCount(`${relation.schema}.${relation.name}`, count, relation.rows);
  await transaction.commit();
}
