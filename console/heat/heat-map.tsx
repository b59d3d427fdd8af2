import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { OneSet } from '../../functions/serve/console/api.ts';
import { measured } from '../base/measure.ts';
import { useDark, useWidth } from '../parts/theme.ts';
import { CellDetail } from './cell-detail.tsx';
import type { View } from './colours.ts';
import { draw } from './draw.ts';
import { type Geometry, rowsInView, TOP } from './geometry.ts';
import { Legend } from './legend.tsx';
import { measureOf, type RowSource, rowSource } from './rows.ts';

export const ROW_HEIGHTS = { tall: 18, middle: 8, low: 3 } as const;
export type RowSize = keyof typeof ROW_HEIGHTS;

/** A cell that can be clicked. */
const CELL_WIDTH = 9;
/** What is above and below the map on a page. */
const AROUND = 330;
const HEIGHT_MIN = 300;
/** Few segments fill the width; wider cells say no more. */
const CELL_WIDTH_MAX = 64;
/** Rows above and below the view, so that a small scroll finds them here. */
const OVERSCAN = 40;

interface Cursor {
  readonly row: number;
  readonly column: number;
}

/** Segments × tables on one canvas, which stands still while a tall empty box scrolls under it. */
export function HeatMap({
  set,
  root,
  order,
  view,
  size,
  isWide,
}: {
  readonly set: OneSet;
  readonly root: number;
  readonly order: Uint32Array;
  readonly view: View;
  readonly size: RowSize;
  /** Cells of a fixed width, which scroll; else all segments fit. */
  readonly isWide: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(box);
  const height = useHeight();
  const isDark = useDark();
  const [scroll, setScroll] = useState({ left: 0, top: 0 });
  const [cursor, setCursor] = useState<Cursor | undefined>();
  const [hasFocus, setFocus] = useState(false);
  const { source, version } = useRows(root, set);
  const columns = set.segments.content.length;
  const left =
    size === 'tall' ? Math.min(300, Math.round(width * 0.34)) : Math.min(90, width * 0.2);
  const fitting = Math.max(1, width - left) / Math.max(1, columns);
  const columnWidth = isWide ? CELL_WIDTH : Math.min(CELL_WIDTH_MAX, fitting);
  const geometry: Geometry = {
    width,
    height,
    left,
    top: TOP,
    rowHeight: ROW_HEIGHTS[size],
    columnWidth,
    scrollLeft: scroll.left,
    scrollTop: scroll.top,
    columns,
  };
  const safe = cursor && cursor.row < order.length ? cursor : undefined;

  useEffect(() => {
    box.current?.scrollTo(0, 0);
    setCursor(undefined);
  }, [order]);
  useLayoutEffect(() => {
    if (canvas.current === null || width === 0) return;
    draw(canvas.current, geometry, { set, order, view, isDark, source, cursor: safe, hasFocus });
    wantRows(source, geometry, order, view);
  });
  // `version` makes the component draw again when rows have arrived.
  void version;

  const cellAt = (event: PointerEvent): Cursor | undefined => {
    const rect = canvas.current?.getBoundingClientRect();
    if (rect === undefined) return undefined;
    const column = Math.floor((event.clientX - rect.left - left + scroll.left) / columnWidth);
    const row = Math.floor((event.clientY - rect.top - TOP + scroll.top) / ROW_HEIGHTS[size]);
    const isCell =
      event.clientX - rect.left >= left && event.clientY - rect.top >= TOP && row < order.length;
    return isCell && column >= 0 && column < columns ? { row, column } : undefined;
  };
  const move = (next: Cursor, at: number) => {
    const row = Math.min(order.length - 1, Math.max(0, next.row));
    const column = Math.min(columns - 1, Math.max(0, next.column));
    setCursor({ row, column });
    showCell(box.current, geometry, { row, column });
    measured('move', at);
  };

  return (
    <div class="heat">
      <CellDetail
        set={set}
        root={root}
        table={safe && order[safe.row]}
        column={safe?.column}
        source={source}
        view={view}
      />
      <div
        class="heatbox"
        ref={box}
        style={{ height: `${height + 2}px` }}
        onScroll={(event) => {
          const { scrollLeft, scrollTop } = event.currentTarget;
          setScroll({ left: scrollLeft, top: scrollTop });
          measured('scroll', event.timeStamp);
        }}
      >
        <div
          class="heatspace"
          style={{
            width: `${Math.max(1, Math.floor(left + columns * columnWidth))}px`,
            height: `${Math.max(height, order.length * ROW_HEIGHTS[size] + TOP)}px`,
          }}
        >
          <canvas
            ref={canvas}
            class="heatcanvas"
            tabIndex={0}
            role="img"
            aria-label={`Heat map of ${order.length} tables in ${columns} segments. Arrow keys move from cell to cell.`}
            aria-describedby="cell"
            onPointerMove={(event) => {
              const cell = cellAt(event);
              if (
                cell === undefined ||
                (cell.row === cursor?.row && cell.column === cursor?.column)
              )
                return;
              setCursor(cell);
              measured('hover', event.timeStamp);
            }}
            onKeyDown={(event) => {
              const next = afterKey(
                event,
                safe ?? { row: -1, column: 0 },
                Math.floor((height - TOP) / ROW_HEIGHTS[size]),
              );
              if (next === undefined) return;
              event.preventDefault();
              move(next, event.timeStamp);
            }}
            onFocus={() => setFocus(true)}
            onBlur={() => setFocus(false)}
            style={{ width: `${width}px`, height: `${height}px` }}
          />
        </div>
      </div>
      <Legend view={view} isDark={isDark} set={set} source={source} />
    </div>
  );
}

/** So that the map, its toolbar and its legend are in view together. */
function useHeight(): number {
  const heightNow = () => Math.max(HEIGHT_MIN, innerHeight - AROUND);
  const [height, setHeight] = useState(heightNow);
  useEffect(() => {
    const change = () => setHeight(heightNow());
    addEventListener('resize', change);
    return () => removeEventListener('resize', change);
  }, []);
  return height;
}

function useRows(root: number, set: OneSet): { source: RowSource; version: number } {
  const [version, setVersion] = useState(0);
  const source = useMemo(
    () =>
      rowSource(root, set.timestamp, set.segments.content.length, () =>
        setVersion((before) => before + 1),
      ),
    [root, set],
  );
  useEffect(() => () => source.close(), [source]);
  return { source, version };
}

function wantRows(source: RowSource, geometry: Geometry, order: Uint32Array, view: View): void {
  const { first, last } = rowsInView(geometry, order.length);
  const from = Math.max(0, first - OVERSCAN);
  const tables = [...order.subarray(from, Math.min(order.length, last + OVERSCAN))];
  const near = Math.floor(geometry.scrollLeft / geometry.columnWidth);
  if (tables.length > 0) source.want(measureOf(view), tables, near);
}

function afterKey(event: KeyboardEvent, { row, column }: Cursor, page: number): Cursor | undefined {
  const step = event.shiftKey ? 10 : 1;
  switch (event.key) {
    case 'ArrowDown':
      return { row: row + step, column };
    case 'ArrowUp':
      return { row: row - step, column };
    case 'ArrowRight':
      return { row: Math.max(0, row), column: column + step };
    case 'ArrowLeft':
      return { row: Math.max(0, row), column: column - step };
    case 'PageDown':
      return { row: row + page, column };
    case 'PageUp':
      return { row: row - page, column };
    case 'Home':
      return { row: 0, column };
    case 'End':
      return { row: Number.MAX_SAFE_INTEGER, column };
    default:
      return undefined;
  }
}

/** Scrolls so far that the cell is in view. */
function showCell(box: HTMLDivElement | null, geometry: Geometry, { row, column }: Cursor): void {
  if (box === null) return;
  const { rowHeight, columnWidth, width, left, height, top } = geometry;
  const y = row * rowHeight;
  const x = column * columnWidth;
  const tall = height - top - rowHeight;
  const wide = width - left - columnWidth;
  box.scrollTo({
    top: Math.min(y, Math.max(box.scrollTop, y - tall)),
    left: Math.min(x, Math.max(box.scrollLeft, x - wide)),
  });
}
