import { useEffect, useState } from 'preact/hooks';
import type { Cell, OneSet } from '../../functions/serve/console/api.ts';
import { NOT_YET_READ } from '../../functions/serve/console/cells/codes.ts';
import { apiAddress, ask } from '../base/api.ts';
import { bytes, count, percent, ratio } from '../base/format.ts';
import type { View } from './colours.ts';
import { nameOf } from './order.ts';
import { measureOf, type RowSource } from './rows.ts';

/** A cursor that moves asks for nothing. */
const REST_MS = 150;

/** The cell under the cursor, in exact numbers: a line that does not move the page. */
export function CellDetail({
  set,
  root,
  table,
  column,
  source,
  view,
}: {
  readonly set: OneSet;
  readonly root: number;
  readonly table: number | undefined;
  readonly column: number | undefined;
  readonly source: RowSource;
  readonly view: View;
}) {
  const content = column === undefined ? undefined : set.segments.content[column];
  const cell = useCell(root, set.timestamp, table, content);
  if (table === undefined || column === undefined || content === undefined)
    return (
      <p class="cell muted" id="cell">
        Point at a cell, or move with the arrow keys.
      </p>
    );
  const code = source.row(measureOf(view), table)?.[column];
  return (
    <p class="cell" id="cell" aria-live="polite">
      <strong>{nameOf(set.tables, table)}</strong>
      <span class="muted">
        segment {content}, {set.segments.host[column]}
      </span>
      <span>
        {cell === undefined ? (code === NOT_YET_READ ? 'not read yet' : '…') : describe(cell)}
      </span>
    </p>
  );
}

function describe(cell: Cell | null | string): string {
  if (typeof cell === 'string') return cell;
  if (cell === null) return 'this segment does not have the table';
  const { rows, bytes: size, storedBytes, carriedBytes, readAt, frames } = cell;
  const carried =
    readAt !== undefined
      ? `not read: unchanged since ${readAt}`
      : storedBytes === 0
        ? ''
        : `${percent(carriedBytes / storedBytes)} carried`;
  return [
    `${count(rows)} rows`,
    `${bytes(size)} in ${bytes(storedBytes)}`,
    storedBytes > 0 ? ratio(size / storedBytes) : '',
    `${count(frames)} ${frames === 1 ? 'frame' : 'frames'}`,
    carried,
  ]
    .filter((text) => text !== '')
    .join(' · ');
}

/** Undefined while it is not here; a text says why it cannot be. */
function useCell(
  root: number,
  timestamp: string,
  table: number | undefined,
  content: number | undefined,
): Cell | null | string | undefined {
  const id = `${table} ${content}`;
  const [found, setFound] = useState<{
    readonly id: string;
    readonly cell: Cell | null | string;
  }>();
  useEffect(() => {
    if (table === undefined || content === undefined) return undefined;
    const moved = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const address = apiAddress(
          root,
          `sets/${timestamp}/cell?table=${table}&content=${content}`,
        );
        const cell = (await (await ask(address, moved.signal)).json()) as Cell | null;
        setFound({ id, cell });
      } catch (error) {
        if (!moved.signal.aborted && error instanceof Error) setFound({ id, cell: error.message });
      }
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      moved.abort();
    };
  }, [id]);
  return found?.id === id ? found.cell : undefined;
}
