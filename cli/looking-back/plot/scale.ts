/** A number in at most six characters: `1.23M`. */
export function compact(value: number): string {
  const units = ['', 'k', 'M', 'G', 'T', 'P'];
  let scaled = value;
  let unit = 0;
  while (scaled >= 999.5 && unit < units.length - 1) {
    scaled /= 1000;
    unit += 1;
  }
  const text = unit === 0 ? String(Math.round(scaled * 10) / 10) : scaled.toPrecision(3);
  return `${text}${units[unit] ?? ''}`;
}
