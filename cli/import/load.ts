import { StowageError } from '../../backup-set/base/errors.ts';
import { count } from '../../backup-set/base/words.ts';
import { liveTables, queryColumns, type TypedColumn } from '../../database/catalog/live-table.ts';
import { copyIn } from '../../database/copy/copy-in.ts';
import { type ImportFormat, importStatement } from '../../database/copy/import-statement.ts';
import { quoteQualified } from '../../database/session/quote.ts';
import type { Session } from '../../database/session/session.ts';
import { onlyNamed } from '../export/live/live-query.ts';
import { type TableName, writtenName } from '../read-set/table-name.ts';

/** The table of an import. */
export interface ImportTable {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly TypedColumn[];
}

/** @throws StowageError `table/…`; `import/refused` for a relation that COPY does not load. */
export async function importTable(session: Session, wanted: TableName): Promise<ImportTable> {
  const found = onlyNamed(await liveTables(session, wanted.name, wanted.schema), wanted, session);
  const { schema, name, kind } = found;
  if (kind === 'm')
    throw new StowageError(
      'import/refused',
      `${writtenName(found)} is a materialized view: its rows are those of its query`,
      { where: { relation: writtenName(found) } },
    );
  const columns = await queryColumns(session, `SELECT * FROM ${quoteQualified(found)}`);
  return { schema, name, columns };
}

export interface ImportRows {
  readonly file: string;
  /** Absent = all that COPY fills by itself. */
  readonly columns: readonly string[] | undefined;
  readonly format: ImportFormat;
  readonly bytes: AsyncIterable<Uint8Array>;
  /** How many rows the bytes have, without a header; known when they have ended. */
  readonly sent: () => number;
  /** Whether the last row has no end that shows that it is whole. */
  readonly isOpen: () => boolean;
}

/**
 * Loads rows in one transaction.
 * @returns how many the server counted.
 * @throws StowageError `import/failed` with file and line; then the table is as it was.
 */
export async function load(
  session: Session,
  table: ImportTable,
  { file, columns, format, bytes, sent }: ImportRows,
  signal: AbortSignal,
): Promise<number> {
  // Functions of triggers and defaults find names as they do for other programs.
  await session.query('RESET search_path');
  await session.query('BEGIN');
  const statement = importStatement(table, columns, format);
  const into = { schema: table.schema, name: table.name, columns: columns ?? [] };
  const { encoding } = format;
  const rows = await copyIn(session, into, bytes, { signal, encoding, statement }).catch(
    (error: unknown) => {
      throw withLine(error, file);
    },
  );
  const expected = sent();
  // A trigger can leave rows out; without one, the server has not understood the file as we do.
  if (rows !== expected) {
    await session.query('ROLLBACK');
    throw new StowageError(
      'import/failed',
      `file ${file} has ${count(expected)} rows, but the server loaded ${count(rows)} into ${writtenName(table)}: look for a line with \\. in the file, a quote without an end, or a trigger that leaves rows out`,
      { where: { relation: writtenName(table) } },
    );
  }
  await session.query('COMMIT');
  return rows;
}

/** The server says in the context of its error where in the rows it was. */
function withLine(error: unknown, file: string): unknown {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    if (!('severity' in at) || !('where' in at) || typeof at.where !== 'string') continue;
    const [, line, more = ''] = /COPY .*?, line (\d+)((?:, column [^:\n]+)?)/.exec(at.where) ?? [];
    if (line === undefined) continue;
    const message = `${file}, line ${line}${more}: ${at.message}`;
    return new StowageError('import/failed', message, { cause: error, where: { field: 'file' } });
  }
  return error;
}
