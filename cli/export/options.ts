import { StowageError } from '../../backup-set/base/errors.ts';
import { exportKeys } from '../../backup-set/base/keys/export-keys.ts';
import type { Flags } from '../command.ts';
import { numberFrom } from '../flags.ts';
import { type TableName, tableNameFrom } from '../read-set/table-name.ts';
import { type SetName, setNameFrom } from '../set-name.ts';
import { type TextOptions, textOptionsFrom } from './rows/text-options.ts';
import { COMPRESSIONS, type Compression } from './to/compressed.ts';

export const FORMATS = ['text', 'csv', 'parquet'] as const;
export type Format = (typeof FORMATS)[number];

/** Where the bytes go: standard output, a file, or the bucket. */
export type Place =
  | { readonly kind: 'stdout' }
  | { readonly kind: 'file'; readonly path: string; readonly overwrite: boolean }
  | {
      readonly kind: 'bucket';
      readonly file: string;
      readonly receipt: string;
      /** Although backups, or the set, are encrypted. */
      readonly isPlain: boolean;
    };

export interface ExportOptions {
  readonly table: TableName | undefined;
  readonly query: string | undefined;
  /** Absent = from the live database. */
  readonly at: SetName | undefined;
  readonly columns: readonly string[] | undefined;
  readonly where: string | undefined;
  readonly content: number | undefined;
  readonly parallel: boolean;
  readonly format: Format;
  /** Undefined for Parquet. */
  readonly text: TextOptions | undefined;
  readonly encoding: string | undefined;
  readonly compression: Compression;
  /** Parquet: columns that are strings whatever their type. */
  readonly strings: readonly string[];
  readonly place: Place;
}

/** @throws StowageError `usage/flag`, or `export/impossible` for flags that disagree. */
export function exportOptionsFrom(flags: Flags, positional: readonly string[]): ExportOptions {
  const [name] = positional;
  const query = textOf(flags, 'query');
  if ((name === undefined) === (query === undefined))
    throw wrong('query', 'export takes a table, or --query SQL, and not both');
  const at = textOf(flags, 'at');
  const format = oneOf(flags, 'format', FORMATS, formatOfName(flags));
  const compression = oneOf(flags, 'compression', COMPRESSIONS, compressionOfName(flags, format));
  const options: ExportOptions = {
    table: name === undefined ? undefined : tableNameFrom(name),
    query,
    at: at === undefined ? undefined : setNameFrom([at]),
    columns: columnsFrom(flags),
    where: textOf(flags, 'where'),
    content: flags['content'] === undefined ? undefined : numberFrom(flags, 'content', 0),
    parallel: flags['parallel'] === true,
    format,
    text: format === 'parquet' ? undefined : textOptionsFrom(flags, format),
    encoding: textOf(flags, 'encoding')
      ?.toUpperCase()
      .replace(/^UTF-8$/, 'UTF8'),
    compression,
    strings: listOf(flags, 'parquetStrings'),
    place: placeFrom(flags, `${format}${ENDINGS[compression]}`),
  };
  requirePossible(options, at, name);
  return options;
}

const ENDINGS: Readonly<Record<Compression, string>> = { none: '', gzip: '.gz', zstd: '.zst' };

function requirePossible(options: ExportOptions, at: string | undefined, name = ''): void {
  const { query, where, columns, parallel, format, encoding, compression } = options;
  if (options.at !== undefined && query !== undefined)
    throw impossible('query', `a set has no server that runs a query: ${instead(at)}`);
  if (options.at !== undefined && where !== undefined)
    throw impossible(
      'where',
      `a set has no server that evaluates a condition: ${instead(at, name)}`,
    );
  if (options.at !== undefined && parallel)
    throw wrong('parallel', '--parallel is for a live database: leave it out with --at');
  if (query !== undefined && (columns !== undefined || where !== undefined || parallel))
    throw wrong(
      'query',
      '--columns, --where and --parallel go with a table: write them into the query',
    );
  if (format !== 'parquet') return;
  if (compression === 'gzip')
    throw wrong('compression', 'Parquet compresses its columns by itself: none or zstd');
  if (encoding !== undefined && encoding !== 'UTF8')
    throw wrong('encoding', 'the strings of Parquet are UTF8');
}

function instead(at = 'SET', table = 'TABLE'): string {
  return `restore the table into a scratch database and export from there: stowage restore ${at} --create --redirect-db scratch --include-table ${table}, then stowage export ${table} --redirect-db scratch --where …`;
}

function placeFrom(flags: Flags, ending: string): Place {
  const [out, name] = [textOf(flags, 'out'), textOf(flags, 'name')];
  const overwrite = flags['overwrite'] === true;
  const isPlain = flags['plain'] === true;
  if (isPlain && name === undefined) throw wrong('plain', '--plain goes with --name');
  if (out !== undefined && name !== undefined)
    throw wrong('name', '--out writes a file and --name an object of the bucket: choose one');
  if (name !== undefined) {
    if (overwrite) throw wrong('overwrite', 'objects of the bucket are never overwritten');
    return { kind: 'bucket', ...exportKeys(name, ending), isPlain };
  }
  if (out === undefined || out === '-') return { kind: 'stdout' };
  return { kind: 'file', path: out, overwrite };
}

/** `sales.csv.gz` says csv and gzip. */
function formatOfName(flags: Flags): Format {
  const [, ending] = /\.(csv|parquet)(?:\.(?:gz|zst))?$/.exec(String(flags['out'] ?? '')) ?? [];
  return ending === 'csv' || ending === 'parquet' ? ending : 'text';
}

function compressionOfName(flags: Flags, format: Format): Compression {
  const [, ending] = /\.(gz|zst)$/.exec(String(flags['out'] ?? '')) ?? [];
  if (format === 'parquet') return 'zstd';
  return ending === 'gz' ? 'gzip' : ending === 'zst' ? 'zstd' : 'none';
}

/** Names separated by commas; a name with a comma or a quote is in double quotes. */
export function columnsFrom(flags: Flags): readonly string[] | undefined {
  const given = textOf(flags, 'columns');
  if (given === undefined) return undefined;
  const name = /\s*(?:"((?:[^"]|"")+)"|([^",]+?))\s*(,|$)/y;
  const names: string[] = [];
  for (let at = 0; ; at = name.lastIndex) {
    name.lastIndex = at;
    const found = name.exec(given);
    if (found === null)
      throw wrong(
        'columns',
        `--columns takes names with commas between them, not ${JSON.stringify(given)}`,
      );
    names.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    if (found[3] === '') break;
  }
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) throw wrong('columns', `--columns names ${twice} twice`);
  return names;
}

function oneOf<Value extends string>(
  flags: Flags,
  name: string,
  values: readonly Value[],
  fallback: Value,
): Value {
  const given = textOf(flags, name);
  if (given === undefined) return fallback;
  const found = values.find((value) => value === given);
  if (found !== undefined) return found;
  throw wrong(name, `--${name} takes ${values.join(', ')}, not ${JSON.stringify(given)}`);
}

function listOf(flags: Flags, name: string): readonly string[] {
  const given = flags[name];
  return Array.isArray(given) ? given.map(String) : [];
}

export function textOf(flags: Flags, name: string): string | undefined {
  return flags[name] === undefined ? undefined : String(flags[name]);
}

const wrong = (field: string, message: string) =>
  new StowageError('usage/flag', message, { where: { field } });

const impossible = (field: string, message: string) =>
  new StowageError('export/impossible', message, { where: { field } });
