/** Which columns of a table are shown, and how wide, so that it fits a screen. Pure numbers. */

export const GAP = 2;

/** What the layout must know of a column. */
export interface Sized {
  /** Columns of its longest cell, or of its title. */
  readonly natural: number;
  /** The least width it may be shortened to; its natural width for numbers. */
  readonly min: number;
  /** Columns with 1 are left out first, then those with 2, …; undefined = always shown. */
  readonly drop?: number | undefined;
}

export interface Layout {
  /** The width of each column; undefined = left out. */
  readonly widths: readonly (number | undefined)[];
}

/**
 * First shortens the columns that may be, the widest first. If that is not enough, leaves out one
 * column after the other in the order of `drop`, and gives the room back to the others.
 */
export function layOut(columns: readonly Sized[], screen: number): Layout {
  const order = columns
    .map((column, at) => ({ at, drop: column.drop }))
    .filter((one): one is { at: number; drop: number } => one.drop !== undefined)
    .toSorted((a, b) => a.drop - b.drop || b.at - a.at);
  const shown = new Set(columns.keys());
  for (;;) {
    const kept = [...shown].map((at) => columns[at]).filter((one) => one !== undefined);
    const least = kept.reduce((sum, { min }) => sum + min, 0) + gaps(kept.length);
    const next = order.shift();
    if (least <= screen || next === undefined) break;
    shown.delete(next.at);
  }
  return { widths: shrunk(columns, shown, screen) };
}

/** The shown columns at the highest width that none of them exceeds and that fits the screen. */
function shrunk(
  columns: readonly Sized[],
  shown: ReadonlySet<number>,
  screen: number,
): (number | undefined)[] {
  const atMost = (limit: number) =>
    columns.map(({ natural, min }, at) =>
      shown.has(at) ? Math.min(natural, Math.max(min, limit)) : undefined,
    );
  const fits = (limit: number) =>
    atMost(limit).reduce<number>((sum, width) => sum + (width ?? 0), gaps(shown.size)) <= screen;
  let low = 0;
  let high = Math.max(0, ...columns.map(({ natural }) => natural));
  if (fits(high)) return atMost(high);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return atMost(low);
}

const gaps = (columns: number) => Math.max(0, columns - 1) * GAP;
