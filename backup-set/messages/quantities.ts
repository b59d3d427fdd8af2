/**
 * Sizes and times as people write them: `200MB`, `1.5GiB`, `90s`, `10min`. The fields of a
 * configuration have their unit last (`frameBytes`, `stallSeconds`), which says what a text means.
 */

export const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** `m` is not among them: it is a month in the rules of retention. */
const TIME_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Units that end the name of a field, in milliseconds. */
const FIELD_UNITS_MS = {
  Ms: 1,
  Seconds: 1000,
  Minutes: 60_000,
  Hours: 3_600_000,
  Days: 86_400_000,
} as const;

export type TimeUnit = keyof typeof FIELD_UNITS_MS;

const QUANTITY = /^(\d{1,12}(?:\.\d{1,6})?)([a-zA-Z]{1,3})$/;

/** Bytes; undefined when it is not a number with a unit. */
export function parseSize(text: string): number | undefined {
  const [number, factor] = numberAndUnit(text, SIZE_UNITS);
  return number === undefined ? undefined : Math.round(number * factor);
}

/** A time in `unit`; undefined when it is not a number with a unit of time. */
export function parseTime(text: string, unit: TimeUnit): number | undefined {
  const [number, factor] = numberAndUnit(text, TIME_UNITS_MS);
  return number === undefined ? undefined : (number * factor) / FIELD_UNITS_MS[unit];
}

function numberAndUnit(text: string, units: Readonly<Record<string, number>>) {
  const [, number, unit = ''] = QUANTITY.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (number === undefined || factor === undefined) return [undefined, 1] as const;
  return [Number(number), factor] as const;
}

/** How the quantity of a field may be written, for messages; undefined for other fields. */
export function quantityForms(field: string): string | undefined {
  if (isSize(field)) return 'a number of bytes, or a size such as 200MB or 4MiB';
  const unit = unitOf(field);
  if (unit === undefined) return undefined;
  const name = unit === 'Ms' ? 'milliseconds' : unit.toLowerCase();
  return `a number of ${name}, or a time such as 90s, 10min, 12h or 7d`;
}

/** A copy of a configuration in which sizes and times are numbers in the unit of their field. */
export function withNumbers(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => withNumbers(item));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, withNumbers(inner, name)]),
    );
  if (typeof value !== 'string') return value;
  const unit = unitOf(field);
  const number = isSize(field) ? parseSize(value) : unit && parseTime(value, unit);
  return number ?? value;
}

const isSize = (field: string) => /(?:^b|B)ytes$/.test(field);

const unitOf = (field: string) =>
  (Object.keys(FIELD_UNITS_MS) as TimeUnit[]).find((unit) => field.endsWith(unit));
