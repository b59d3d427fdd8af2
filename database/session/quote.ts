import { StowageError } from '../../backup-set/base/errors.ts';

/** The only functions that put a foreign name or value into SQL text. */

/** Always quoted, so that no list of keywords is needed. */
export function quoteIdentifier(name: string): string {
  refuseNul(name);
  if (name === '')
    throw new StowageError('database/failed', 'an empty name cannot be an identifier in SQL');
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteQualified(relation: {
  readonly schema: string;
  readonly name: string;
}): string {
  return `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
}

/** As the server's quote_literal: correct for any value of standard_conforming_strings. */
export function quoteLiteral(value: string): string {
  refuseNul(value);
  const doubled = value.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A literal without line breaks, for files with one statement per line. */
export function quoteLiteralOnOneLine(value: string): string {
  if (!/[\r\n]/.test(value)) return quoteLiteral(value);
  refuseNul(value);
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
  return `E'${escaped}'`;
}

/** A value of a libpq connection string: `dbname='it''s'` there is `dbname='it\'s'`. */
export function quoteConninfo(value: string): string {
  refuseNul(value);
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** One word of a POSIX shell. */
export function quoteShell(word: string): string {
  refuseNul(word);
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function refuseNul(text: string): void {
  if (text.includes('\0'))
    throw new StowageError(
      'database/failed',
      'a NUL character cannot be part of a PostgreSQL text',
    );
}
