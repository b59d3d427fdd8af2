import type { OneSet } from '../../functions/serve/console/api.ts';
import { codeOfCount, UNREADABLE } from '../../functions/serve/console/cells/codes.ts';
import { colour } from '../parts/theme.ts';
import { amountRange } from './amounts.ts';
import { pixelsOf, specialPixel } from './colours.ts';
import { drawNames, drawSegments } from './draw-margins.ts';
import { type Drawing, type Geometry, NAMES_FROM, rowsInView } from './geometry.ts';
import { measureOf } from './rows.ts';

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
