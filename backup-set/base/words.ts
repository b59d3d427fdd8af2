/** Numbers in messages, the same in every layer. */

/** With thousands separators: `1,234,567`. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** A number and its noun: `1 row`, `1,234 rows`, `2 indices` with `many` given. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}
