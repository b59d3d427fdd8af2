const DAY_MICROS = 86_400_000_000n;
const INT64_MAX = 2n ** 63n - 1n;
const DATE = /^(\d{4,7})-(\d\d)-(\d\d)(?: (BC))?$/;
const TIMESTAMP =
  /^(\d{4,7}-\d\d-\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([-+])(\d\d)(?::?(\d\d))?(?::?(\d\d))?)?( BC)?$/;

/** Days since 1970 of a date as PostgreSQL writes it; undefined for `infinity`. */
export function dateValue(text: string): number | undefined {
  const [, year, month, day, isBefore] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  // 1 BC is year 0.
  const proleptic = isBefore === undefined ? Number(year) : 1 - Number(year);
  return daysSince1970(proleptic, Number(month), Number(day));
}

/**
 * Microseconds since 1970 of a timestamp as PostgreSQL writes it, in UTC when it has an offset;
 * undefined for `infinity`.
 */
export function timestampValue(text: string): bigint | undefined {
  const [, date, hours, minutes, seconds, fraction = '', sign, ...rest] =
    TIMESTAMP.exec(text) ?? [];
  const [offsetHours = '0', offsetMinutes = '0', offsetSeconds = '0', isBefore = ''] = rest;
  const days = dateValue(`${date}${isBefore}`);
  if (days === undefined) return undefined;
  const inDay = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds);
  const offset = Number(offsetHours) * 3600 + Number(offsetMinutes) * 60 + Number(offsetSeconds);
  const second = inDay - (sign === '-' ? -offset : offset);
  const micros =
    BigInt(days) * DAY_MICROS + BigInt(second) * 1_000_000n + BigInt(fraction.padEnd(6, '0'));
  return micros > INT64_MAX ? undefined : micros;
}

/** The date of days since 1970, as PostgreSQL writes it. */
export function dateText(days: number): string {
  const { year, month, day } = civil(days);
  const shown = year > 0 ? year : 1 - year;
  const two = (number: number) => String(number).padStart(2, '0');
  const bc = year > 0 ? '' : ' BC';
  return `${String(shown).padStart(4, '0')}-${two(month)}-${two(day)}${bc}`;
}

/** The timestamp of microseconds since 1970, in UTC and without an offset. */
export function timestampText(micros: bigint): string {
  const days = micros >= 0n ? micros / DAY_MICROS : (micros - DAY_MICROS + 1n) / DAY_MICROS;
  const left = micros - days * DAY_MICROS;
  const seconds = Number(left / 1_000_000n);
  const fraction = String(left % 1_000_000n).padStart(6, '0');
  const two = (number: number) => String(Math.floor(number)).padStart(2, '0');
  const time = `${two(seconds / 3600)}:${two((seconds % 3600) / 60)}:${two(seconds % 60)}`;
  const [date = '', bc] = dateText(Number(days)).split(' ');
  return `${date} ${time}.${fraction}${bc === undefined ? '' : ` ${bc}`}`;
}

// Howard Hinnant, chrono-compatible low-level date algorithms: years of any size, without Date.
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const leaps = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  return era * 146_097 + yearOfEra * 365 + leaps + dayOfYear - 719_468;
}

function civil(days: number): { year: number; month: number; day: number } {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shifted = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shifted < 10 ? shifted + 3 : shifted - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * shifted + 2) / 5) + 1 };
}
