/**
 * What a server says when a row does not fit into one allocation: up to 15 for a value, up to 17
 * for the row, since 18 for the row.
 */
const TOO_LONG =
  /invalid memory alloc request size \d{10}(?!\d)|Cannot enlarge string buffer|string buffer exceeds maximum allowed length/;

const ADVICE =
  "A row is longer than PostgreSQL's limit of 1 GB for a row of COPY text, in which a bytea takes two characters per byte. pg_dump cannot read it either. Split the long value, or leave the table out with --exclude-table";

/** What to say after the server's own message when a row is too long for COPY; else undefined. */
export function rowTooLong(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const detail = 'detail' in error && typeof error.detail === 'string' ? error.detail : '';
  return TOO_LONG.test(`${error.message} ${detail}`) ? ADVICE : undefined;
}
