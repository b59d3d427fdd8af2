import { StowageError } from '../../backup-set/base/errors.ts';

/** The only places where a name or value of somebody else's becomes SQL text. */

/** Always quoted, so that no list of keywords has to be known. */
export function quoteIdentifier(name: string): string {
  refuseNul(name);
  if (name === '')
    throw new StowageError(
      'database/failed',
      'an identifier of no characters cannot be written in SQL',
    );
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteQualified(relation: {
  readonly schema: string;
  readonly name: string;
}): string {
  return `${quoteIdentifier(relation.schema)}.${quoteIdentifier(relation.name)}`;
}

/** As the server's quote_literal: right whatever standard_conforming_strings says where it is read. */
export function quoteLiteral(value: string): string {
  refuseNul(value);
  const doubled = value.replaceAll("'", "''");
  return doubled.includes('\\') ? `E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`;
}

/** A literal without line breaks in its text, for files of one statement per line. */
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
    throw new StowageError('database/failed', 'PostgreSQL has no text that holds a NUL character');
}
