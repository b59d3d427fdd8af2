/** Numbers and times as the page shows them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** Decimal units, three figures, as the command line: `1.23 GB`. */
export function bytes(count: number | undefined): string {
  if (count === undefined) return '–';
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(value) : value.toPrecision(3)} ${UNITS[unit]}`;
}

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const count = (value: number | undefined): string =>
  value === undefined ? '–' : GROUPED.format(value);

/** `1 set`, `2,000 sets`. */
export const plural = (found: number, noun: string): string =>
  `${count(found)} ${noun}${found === 1 ? '' : 's'}`;

/** `1.2 M`: for axes and cells. */
export function short(value: number): string {
  if (value < 1000)
    return value < 10 && value % 1 !== 0 ? value.toFixed(1) : String(Math.round(value));
  let scaled = value;
  let unit = -1;
  while (scaled >= 999.5 && unit < 4) {
    scaled /= 1000;
    unit += 1;
  }
  return `${scaled.toPrecision(3)} ${'kMGTP'[unit]}`;
}

export const percent = (share: number): string => `${Math.round(share * 100)} %`;

export const ratio = (value: number): string =>
  `${value >= 10 ? value.toFixed(0) : value.toFixed(value >= 1 ? 1 : 2)}×`;

/** `3 d`, `4 h`, `12 min`, `40 s`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  if (hours < 48) return `${hours} h`;
  return `${count(Math.round(hours / 24))} d`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Two units: `1 h 04 min`, `3 min 12 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** Local time of the browser: `2026-11-29 23:04`. */
export function localTime(at: Date | string | undefined): string {
  if (at === undefined) return '–';
  const date = typeof at === 'string' ? new Date(at) : at;
  if (Number.isNaN(date.getTime())) return '–';
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** The instant of a timestamp, `YYYYMMDDHHMMSS` in UTC. */
export function instantOf(timestamp: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(timestamp) ?? [];
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
