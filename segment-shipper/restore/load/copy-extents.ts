import type { LoadRelation, SourceExtent } from '../../../backup-set/documents/restore/restore.ts';
import { copyIn } from '../../../database/copy/copy-in.ts';
import type { Session } from '../../../database/session/session.ts';
import type { ShipperDeps } from '../../deps.ts';
import type { Opens } from '../../read/opens.ts';
import { countBytes, rowsOf } from '../../read/rows-of.ts';

export interface CopyExtentsOptions extends Pick<ShipperDeps, 'store' | 'signal' | 'progress'> {
  readonly encoding: string;
  readonly opens?: Opens | undefined;
}

/** True when `copyExtents` must load the relation: one COPY cannot read all of its frames. */
export function hasBinary({ extents }: Pick<LoadRelation, 'extents'>): boolean {
  return extents.some(({ rowFormat }) => rowFormat !== undefined);
}

/**
 * Loads the rows of these extents, inside the caller's transaction: first those in COPY text, then
 * those in COPY BINARY. A relation has both when its rows are of several contents.
 * @returns how many rows the server counted.
 */
export async function copyExtents(
  session: Session,
  into: Pick<LoadRelation, 'schema' | 'name' | 'columns'>,
  extents: readonly SourceExtent[],
  { store, signal, progress, encoding, opens }: CopyExtentsOptions,
): Promise<number> {
  let count = 0;
  for (const rowFormat of [undefined, 'binary'] as const) {
    const some = extents.filter((extent) => extent.rowFormat === rowFormat);
    // Without any extent one COPY still checks table and columns.
    if (some.length === 0 && (extents.length > 0 || rowFormat !== undefined)) continue;
    const over = new AbortController();
    const rows = rowsOf(store, some, { signal: AbortSignal.any([signal, over.signal]), opens });
    const options = { signal, encoding, rowFormat, over };
    count += await copyIn(session, into, countBytes(rows, progress), options);
  }
  return count;
}
