import prettyMs from 'pretty-ms';

/** Numbers and names as the command line prints them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal units, three figures: `1.23 GB`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${UNITS[unit]}`;
}

export function rate(bytesDone: number, ms: number): string {
  return ms <= 0 ? '–' : `${bytes(Math.round((bytesDone / ms) * 1000))}/s`;
}

/** `850ms`, `12.3s`, `4m 59s`, `2h 5m`: at most two units. */
export function duration(ms: number): string {
  const rounded = Math.round(ms);
  return prettyMs(rounded, { unitCount: 2, secondsDecimalDigits: rounded < 60_000 ? 1 : 0 });
}

/** Escapes control characters, which would move the cursor of a terminal. */
export function printable(text: string): string {
  return text.replace(
    /\p{Cc}/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
