import type { OneSet } from '../../functions/serve/console/api.ts';
import type { View } from './colours.ts';
import type { RowSource } from './rows.ts';

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
/** Rows of this height have names, and lines between them. */
export const NAMES_FROM = 11;

/** The first and the last row that are in view. */
export function rowsInView({ scrollTop, height, top, rowHeight }: Geometry, rows: number) {
  const first = Math.floor(scrollTop / rowHeight);
  const last = Math.min(rows, Math.ceil((scrollTop + height - top) / rowHeight));
  return { first, last };
}
