import { StowageError } from '../../backup-set/base/errors.ts';
import type { ImportFormat } from '../../database/copy/import-statement.ts';
import type { Flags } from '../command.ts';
import { columnsFrom, FORMATS, type Format, textOf } from '../export/options.ts';
import { textOptionsFrom } from '../export/rows/text-options.ts';
import { numberFrom } from '../flags.ts';
import { type TableName, tableNameFrom } from '../read-set/table-name.ts';

export interface ImportOptions {
  /** `-`: standard input. */
  readonly file: string;
  readonly table: TableName;
  readonly columns: readonly string[] | undefined;
  readonly content: number | undefined;
  /** Undefined: what the file is by its first bytes and its name. */
  readonly format: Format | undefined;
  /** For a file that is no Parquet file. */
  readonly copy: ImportFormat;
}

/** @throws StowageError `usage/flag`. */
export function importOptionsFrom(flags: Flags, positional: readonly string[]): ImportOptions {
  const [file = ''] = positional;
  const table = textOf(flags, 'table');
  if (table === undefined) throw wrong('table', 'import needs --table schema.table');
  const given = textOf(flags, 'format');
  const format = FORMATS.find((known) => known === given);
  if (given !== undefined && format === undefined)
    throw wrong('format', `--format takes ${FORMATS.join(', ')}, not ${JSON.stringify(given)}`);
  const isCsv = format === 'csv' || (format === undefined && /\.csv(?:\.(?:gz|zst))?$/.test(file));
  return {
    file,
    table: tableNameFrom(table),
    columns: columnsFrom(flags),
    content: flags['content'] === undefined ? undefined : numberFrom(flags, 'content', 0),
    format,
    copy: copyFormat(flags, isCsv ? 'csv' : 'text'),
  };
}

function copyFormat(flags: Flags, format: 'text' | 'csv'): ImportFormat {
  // Checks them as an export does.
  const { delimiter, quote, escape: escapes } = textOptionsFrom(flags, format);
  const is = (name: string) => flags[name] !== undefined;
  const nullText = textOf(flags, 'null');
  return {
    format,
    encoding: (textOf(flags, 'encoding') ?? 'UTF8').toUpperCase().replace(/^UTF-8$/, 'UTF8'),
    ...(is('delimiter') && { delimiter: String.fromCharCode(delimiter) }),
    ...(nullText !== undefined && { null: nullText }),
    ...(is('quote') && { quote: String.fromCharCode(quote) }),
    ...(is('escape') && { escape: String.fromCharCode(escapes) }),
    ...(flags['header'] === true && { header: true }),
  };
}

const wrong = (field: string, message: string) =>
  new StowageError('usage/flag', message, { where: { field } });
