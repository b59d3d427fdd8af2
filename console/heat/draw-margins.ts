import type { OneSet } from '../../functions/serve/console/api.ts';
import { bytes, short } from '../base/format.ts';
import { colour } from '../parts/theme.ts';
import { type Drawing, type Geometry, NAMES_FROM, rowsInView } from './geometry.ts';
import { nameOf } from './order.ts';

const BARS = 26;

/** Names of tables, and bars of their bytes. */
export function drawNames(
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
export function drawSegments(
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
