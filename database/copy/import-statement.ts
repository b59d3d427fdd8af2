import type { QualifiedName } from '../../backup-set/base/selection.ts';
import { quoteLiteral, quoteQualified } from '../session/quote.ts';
import { columnList } from './copy-out.ts';

/** The options of COPY FROM for a file of another program; absent = the server's default. */
export interface ImportFormat {
  readonly format: 'text' | 'csv';
  readonly encoding: string;
  readonly delimiter?: string;
  readonly null?: string;
  readonly quote?: string;
  readonly escape?: string;
  readonly header?: boolean;
}

/** @param columns absent = all that COPY fills by itself. */
export function importStatement(
  table: QualifiedName,
  columns: readonly string[] | undefined,
  { format, encoding, header, ...rest }: ImportFormat,
): string {
  const options = [
    `FORMAT ${format}`,
    `ENCODING ${quoteLiteral(encoding)}`,
    ...(header === true ? ['HEADER'] : []),
    ...Object.entries(rest).map(([name, value]) => `${name.toUpperCase()} ${quoteLiteral(value)}`),
  ];
  const list = columns === undefined ? '' : columnList(columns);
  return `COPY ${quoteQualified(table)}${list} FROM STDIN WITH (${options.join(', ')})`;
}
