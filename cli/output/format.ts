import prettyMs from 'pretty-ms';
import { withoutKeys } from '../../backup-set/messages/secrets.ts';

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

/** How long ago, in one unit: `42s`, `12m`, `36h`, `9d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [size, unit] = AGES.find(([, , below]) => seconds < below) ?? DAYS;
  return `${Math.floor(seconds / size)}${unit}`;
}

const DAYS = [86_400, 'd', Number.POSITIVE_INFINITY] as const;
const AGES = [
  [1, 's', 100],
  [60, 'm', 100 * 60],
  [3600, 'h', 48 * 3600],
] as const;

/** A time as the clock on the wall of this host shows it: `2026-11-29 23:40`. */
export function localTime(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** Escapes control characters, which would move the cursor of a terminal. */
export function printable(text: string): string {
  return withoutKeys(text).replace(
    /\p{Cc}/gu,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
