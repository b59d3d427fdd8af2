import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Flags } from '../../command.ts';
import { dashed } from '../../config/flag-names.ts';

/** The options of COPY for text and csv. Delimiter, quote and escape are one byte each. */
export interface TextOptions {
  readonly format: 'text' | 'csv';
  readonly delimiter: number;
  readonly null: Buffer;
  readonly header: boolean;
  /** csv only. */
  readonly quote: number;
  readonly escape: number;
  /** csv only: columns whose values are always quoted; `*`: all. */
  readonly forceQuote: '*' | readonly string[];
}

export const TEXT_FLAGS = [
  ['--delimiter <byte>', 'as in COPY: between two values (text: tab, csv: comma; \\t is a tab)'],
  ['--null <text>', 'as in COPY: what stands for NULL (text: \\N, csv: nothing)'],
  ['--header', 'a first line with the names of the columns'],
  ['--quote <byte>', 'csv: the quote (")'],
  ['--escape <byte>', 'csv: before a quote inside of a value (the quote)'],
] as const;

export const FORCE_QUOTE_FLAG = [
  '--force-quote <column>',
  'csv: quote all values of this column that are not NULL (repeatable; * for all columns)',
] as const;

/** @throws StowageError `usage/flag` as COPY would refuse the option. */
export function textOptionsFrom(flags: Flags, format: 'text' | 'csv'): TextOptions {
  const isCsv = format === 'csv';
  for (const name of ['quote', 'escape', 'forceQuote'])
    if (!isCsv && flags[name] !== undefined) throw wrong(name, 'goes with --format csv');
  const quote = byteFrom(flags, 'quote', '"');
  const forced = flags['forceQuote'];
  const columns = Array.isArray(forced) ? forced.map(String) : [];
  const options: TextOptions = {
    format,
    delimiter: byteFrom(flags, 'delimiter', isCsv ? ',' : '\t'),
    null: Buffer.from(flags['null'] === undefined ? (isCsv ? '' : '\\N') : String(flags['null'])),
    header: flags['header'] === true,
    quote,
    escape: byteFrom(flags, 'escape', String.fromCharCode(quote)),
    forceQuote: columns.includes('*') ? '*' : columns,
  };
  requireConsistent(options);
  return options;
}

function byteFrom(flags: Flags, name: string, fallback: string): number {
  const given = flags[name] === undefined ? fallback : String(flags[name]);
  const text = given === '\\t' ? '\t' : given;
  const byte = text.charCodeAt(0);
  if (text.length === 1 && byte < 0x80 && byte !== 0x0a && byte !== 0x0d && byte !== 0) return byte;
  throw wrong(name, `takes one ASCII character that ends no line, not ${JSON.stringify(given)}`);
}

/** What COPY refuses, too: nothing could read such a file. */
function requireConsistent(options: TextOptions): void {
  const { format, delimiter, quote, null: nullText } = options;
  if (/[\r\n]/.test(nullText.toString())) throw wrong('null', 'cannot have a line break');
  if (nullText.includes(delimiter)) throw wrong('null', 'cannot have the delimiter in it');
  if (format === 'text') {
    if (/[\\.a-z0-9]/.test(String.fromCharCode(delimiter)))
      throw wrong('delimiter', 'cannot be a backslash, a dot, a lower-case letter or a digit');
    return;
  }
  if (delimiter === quote) throw wrong('delimiter', 'cannot be the quote');
  if (nullText.includes(quote)) throw wrong('null', 'cannot have the quote in it');
}

function wrong(field: string, text: string): StowageError {
  return new StowageError('usage/flag', `--${dashed(field)} ${text}`, { where: { field } });
}
