import { type Paint, paintFor, plain } from './palette.ts';

/** How wide the reader's screen is, and how texts are coloured on it. */
export interface Screen {
  /** Columns; Infinity where the output is no terminal: a program reads it, or a file keeps it. */
  readonly columns: number;
  readonly paint: Paint;
}

/** Lines that are longer are hard to read: wider terminals get no wider tables. */
const COLUMNS_MAX = 200;
/** Less than this is not a width that was meant. */
const COLUMNS_MIN = 20;

/** Neither limits nor colours: for texts that no terminal shows. */
export const NO_SCREEN: Screen = { columns: Number.POSITIVE_INFINITY, paint: plain };

/** The screen behind a stream. COLUMNS in the environment wins over the size of the terminal. */
export function screenOf(
  stream: { readonly isTTY?: boolean; readonly columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): Screen {
  const isTerminal = stream.isTTY === true;
  const asked = Number(env['COLUMNS']);
  const given = asked >= COLUMNS_MIN ? asked : isTerminal ? stream.columns || 80 : undefined;
  return {
    columns: given === undefined ? Number.POSITIVE_INFINITY : Math.min(given, COLUMNS_MAX),
    paint: paintFor(isTerminal, env),
  };
}
