import { createHash } from 'node:crypto';

/** PostgreSQL cuts longer names, so that two could become one. */
const NAME_BYTES_MAX = 63;
const DIGEST_CHARS = 8;

/**
 * The name of an index, sequence or partition of a table that gets another name. `orders_pkey`
 * becomes `orders_0300_pkey`, as PostgreSQL would name it; `by_day` becomes `by_day_0300`.
 */
export function derivedName(name: string, table: string, newTable: string): string {
  if (table === newTable) return name;
  const derived =
    name === table || name.startsWith(`${table}_`)
      ? newTable + name.slice(table.length)
      : `${name}_${newTable.startsWith(`${table}_`) ? newTable.slice(table.length + 1) : newTable}`;
  return fitting(derived);
}

/** A name that is too long ends with a digest of all of it: two of them never become one. */
function fitting(name: string): string {
  if (bytesIn(name) <= NAME_BYTES_MAX) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, DIGEST_CHARS);
  let kept = '';
  for (const char of name) {
    if (bytesIn(kept + char) > NAME_BYTES_MAX - DIGEST_CHARS - 1) break;
    kept += char;
  }
  return `${kept}_${digest}`;
}

const bytesIn = (text: string) => new TextEncoder().encode(text).length;
