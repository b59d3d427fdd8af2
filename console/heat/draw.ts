import type { OneSet } from '../../functions/serve/console/api.ts';
import { codeOfCount, UNREADABLE } from '../../functions/serve/console/cells/codes.ts';
import { bytes, short } from '../base/format.ts';
import { colour } from '../parts/theme.ts';
import { pixelsOf, specialPixel, type View } from './colours.ts';
import { nameOf } from './order.ts';
import { measureOf, type RowSource } from './rows.ts';

/** Where things are on the canvas, in CSS pixels. */
export interface Geometry {
  readonly width: number;
  readonly height: number;
  /** Of the names of tables. */
  readonly left: number;
  /** Of the bars and numbers of segments. */
  readonly top: number;
  readonly rowHeight: number;
  /** Smaller than 1: several segments share a pixel. */
  readonly columnWidth: number;
  readonly scrollLeft: number;
  readonly scrollTop: number;
  readonly columns: number;
}

export interface Drawing {
  readonly set: OneSet;
  readonly order: Uint32Array;
  readonly view: View;
  readonly isDark: boolean;
  readonly source: RowSource;
  readonly cursor: { readonly row: number; readonly column: number } | undefined;
  readonly hasFocus: boolean;
}

export const TOP = 46;
const BARS = 26;
const NAMES_FROM = 11;

/** The first and the last row that are in view. */
export function rowsInView({ scrollTop, height, top, rowHeight }: Geometry, rows: number) {
  const first = Math.floor(scrollTop / rowHeight);
  const last = Math.min(rows, Math.ceil((scrollTop + height - top) / rowHeight));
  return { first, last };
}

/** Draws what is in view: at most some thousand rows, whatever the set has. */
export function draw(canvas: HTMLCanvasElement, geometry: Geometry, drawing: Drawing): void {
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) return;
  const scale = devicePixelRatio;
  const { width, height } = geometry;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.fillStyle = colour('paper');
  context.fillRect(0, 0, width, height);
  drawCells(context, geometry, drawing);
  drawNames(context, geometry, drawing);
  drawSegments(context, geometry, drawing);
  drawCursor(context, geometry, drawing);
}

/** One pixel per cell into an image, which the browser then enlarges. */
function drawCells(
  context: CanvasRenderingContext2D,
  geometry: Geometry,
  { order, view, isDark, source, set }: Drawing,
): void {
  const { left, top, width, columnWidth, columns, rowHeight, scrollLeft, scrollTop } = geometry;
  const { first, last } = rowsInView(geometry, order.length);
  const perPixel = Math.max(1, 1 / columnWidth);
  const firstColumn = Math.floor(scrollLeft / Math.max(1, columnWidth));
  const shown = Math.min(
    Math.ceil(columns / perPixel) - firstColumn,
    Math.ceil((width - left) / Math.max(1, columnWidth)) + 1,
  );
  const rows = last - first;
  if (rows <= 0 || shown <= 0) return;
  const image = new ImageData(shown, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = pixelsOf(view, isDark, amountRange(set, view));
  const unread = specialPixel(255, isDark) ?? 0;
  for (let row = 0; row < rows; row += 1) {
    const table = order[first + row] ?? 0;
    const codes = source.row(measureOf(view), table);
    const mean = view === 'skew' ? meanCode(set, table) : 0;
    for (let x = 0; x < shown; x += 1) {
      const code =
        codes === undefined ? 255 : largest(codes, (firstColumn + x) * perPixel, perPixel);
      pixels[row * shown + x] =
        code === 255
          ? unread
          : view === 'skew'
            ? (specialPixel(code, isDark) ??
              colours[Math.min(253, Math.max(2, code - mean + 128))] ??
              0)
            : (colours[code] ?? 0);
    }
  }
  const picture = new OffscreenCanvas(shown, rows);
  picture.getContext('2d')?.putImageData(image, 0, 0);
  context.save();
  context.beginPath();
  context.rect(left, top, width - left, geometry.height - top);
  context.clip();
  context.imageSmoothingEnabled = false;
  const x = left + firstColumn * Math.max(1, columnWidth) - scrollLeft;
  const y = top + first * rowHeight - scrollTop;
  const step = Math.max(columnWidth, 1);
  context.drawImage(picture, x, y, shown * step, rows * rowHeight);
  drawGrid(context, geometry, { x, y, shown, rows, step });
  context.restore();
}

/** Lines between cells that are large enough to be told apart. */
function drawGrid(
  context: CanvasRenderingContext2D,
  { rowHeight }: Geometry,
  { x, y, shown, rows, step }: { x: number; y: number; shown: number; rows: number; step: number },
): void {
  context.fillStyle = colour('paper');
  if (rowHeight >= NAMES_FROM)
    for (let row = 1; row <= rows; row += 1)
      context.fillRect(x, y + row * rowHeight - 1, shown * step, 1);
  if (step >= 6)
    for (let at = 1; at <= shown; at += 1)
      context.fillRect(x + at * step - 1, y, 1, rows * rowHeight);
}

/** Of several segments that share a pixel, the one that stands out: a damaged part, or the most. */
function largest(codes: Uint8Array, from: number, perPixel: number): number {
  const end = Math.min(codes.length, Math.max(Math.floor(from) + 1, Math.floor(from + perPixel)));
  let found = 0;
  for (let at = Math.floor(from); at < end; at += 1) {
    const code = codes[at] ?? 0;
    if (code === UNREADABLE) return code;
    if (code > found && code !== 255) found = code;
    else if (code === 255 && found === 0) found = 255;
  }
  return found;
}

/** The code of the mean of a table over the segments that have it. */
const meanCode = ({ tables }: OneSet, table: number) =>
  codeOfCount((tables.bytes[table] ?? 0) / Math.max(1, tables.contents[table] ?? 1));

/** The codes at which the ramp of amounts begins and ends. */
export interface AmountRange {
  readonly first: number;
  readonly last: number;
}

const ranges = new WeakMap<OneSet, Partial<Record<View, AmountRange>>>();

/** From a small table's mean per segment to the double of the largest: most cells differ then. */
export function amountRange(set: OneSet, view: View): AmountRange {
  const known = ranges.get(set) ?? {};
  ranges.set(set, known);
  const range = known[view] ?? rangeOf(set, view);
  known[view] = range;
  return range;
}

const SMALL_SHARE = 0.05;

function rangeOf({ tables }: OneSet, view: View): AmountRange {
  const amounts = view === 'rows' ? tables.rows : tables.bytes;
  const means = amounts
    .map((amount, at) => amount / Math.max(1, tables.contents[at] ?? 1))
    .filter((mean) => mean > 0)
    .sort((a, b) => a - b);
  const small = means[Math.floor(means.length * SMALL_SHARE)] ?? 1;
  const first = codeOfCount(Math.max(1, small));
  return { first, last: Math.max(first + 8, codeOfCount(2 * (means.at(-1) ?? 1))) };
}

function drawNames(
  context: CanvasRenderingContext2D,
  geometry: Geometry,
  { order, set, cursor }: Drawing,
): void {
  const { left, top, height, rowHeight, scrollTop } = geometry;
  const { first, last } = rowsInView(geometry, order.length);
  const hasNames = rowHeight >= NAMES_FROM;
  const figures = left > 190 ? 66 : 0;
  const most = largestBytes(set);
  context.fillStyle = colour('paper');
  context.fillRect(0, top, left, height - top);
  context.textBaseline = 'middle';
  context.font = `12px ${colour('sans')}`;
  context.save();
  context.beginPath();
  context.rect(0, top, left, height - top);
  context.clip();
  for (let row = first; row < last; row += 1) {
    const table = order[row] ?? 0;
    const y = top + row * rowHeight - scrollTop;
    const isAt = cursor?.row === row;
    const length = Math.sqrt((set.tables.bytes[table] ?? 0) / most) * (hasNames ? 34 : left - 6);
    context.fillStyle = colour(isAt ? 'accent' : 'bar');
    context.fillRect(left - 5 - length, y + 1, length, Math.max(1, rowHeight - (hasNames ? 3 : 1)));
    if (!hasNames) continue;
    context.fillStyle = colour(isAt ? 'ink' : 'soft');
    context.fillText(
      fitted(context, nameOf(set.tables, table), left - 44 - figures),
      0,
      y + rowHeight / 2,
    );
    if (figures === 0) continue;
    context.textAlign = 'right';
    context.fillStyle = colour('muted');
    context.fillText(bytes(set.tables.bytes[table]), left - 44, y + rowHeight / 2);
    context.textAlign = 'left';
  }
  context.restore();
}

const largestBytes = ({ tables }: OneSet) =>
  tables.bytes.reduce((most, one) => Math.max(most, one), 1);

/** Names are data: controls that turn the direction of text are not drawn. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '·');
  if (context.measureText(plain).width <= width) return plain;
  let length = Math.max(
    1,
    Math.floor((plain.length * width) / context.measureText(plain).width) - 1,
  );
  while (length > 1 && context.measureText(`${plain.slice(0, length)}…`).width > width) length -= 1;
  return `${plain.slice(0, length)}…`;
}

/** Bytes of each segment as bars, and their numbers. */
function drawSegments(
  context: CanvasRenderingContext2D,
  geometry: Geometry,
  { set, cursor }: Drawing,
): void {
  const { left, top, width, columnWidth, columns, scrollLeft } = geometry;
  context.fillStyle = colour('paper');
  context.fillRect(0, 0, width, top);
  const most = set.segments.bytes.reduce((found, one) => Math.max(found, one), 1);
  context.save();
  context.beginPath();
  context.rect(left, 0, width - left, top);
  context.clip();
  const gap = columnWidth >= 6 ? 1 : 0;
  for (let at = Math.floor(scrollLeft / columnWidth); at < columns; at += 1) {
    const x = left + at * columnWidth - scrollLeft;
    if (x > width) break;
    const tall = ((set.segments.bytes[at] ?? 0) / most) * BARS;
    context.fillStyle = colour(cursor?.column === at ? 'accent' : 'bar');
    context.fillRect(x, BARS - tall, Math.max(1, columnWidth - gap), tall);
  }
  context.fillStyle = colour('muted');
  context.textBaseline = 'alphabetic';
  context.font = `11px ${colour('sans')}`;
  const every = Math.max(1, niceStep(46 / columnWidth));
  for (let at = 0; at < columns; at += every) {
    const x = left + at * columnWidth - scrollLeft;
    if (x < left - 30 || x > width - 20) continue;
    context.fillRect(x, BARS + 2, 1, 4);
    context.fillText(String(set.segments.content[at]), x, top - 5);
  }
  context.restore();
  context.fillStyle = colour('muted');
  context.fillText(`segments, up to ${short(most)}B`, 0, BARS - 2, left - 8);
}

/** 1, 2, 5, 10, 20, …: at least so many. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= least) ?? 10 * power;
}

function drawCursor(
  context: CanvasRenderingContext2D,
  { left, top, rowHeight, columnWidth, scrollLeft, scrollTop, width }: Geometry,
  { cursor, hasFocus }: Drawing,
): void {
  if (cursor === undefined) return;
  const x = left + cursor.column * columnWidth - scrollLeft;
  const y = top + cursor.row * rowHeight - scrollTop;
  if (x < left - columnWidth || x > width || y < top - rowHeight) return;
  context.save();
  context.beginPath();
  context.rect(left - 2, top - 2, width - left + 2, 1e6);
  context.clip();
  context.strokeStyle = colour(hasFocus ? 'focus' : 'ink');
  context.lineWidth = hasFocus ? 2 : 1;
  const wide = Math.max(columnWidth, 5);
  context.strokeRect(x - (wide - columnWidth) / 2 - 0.5, y - 0.5, wide, rowHeight);
  context.restore();
}
