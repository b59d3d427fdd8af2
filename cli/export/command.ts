import type { ClusterCommand } from '../command.ts';
import { ACCEPT_PLAIN_FLAG, IDENTITY_FLAG, numberFrom } from '../flags.ts';
import { tableNameFrom } from '../read-set/table-name.ts';
import { SET_DETAILS, setNameFrom } from '../set-name.ts';
import { columnsFrom, type ExportOptions, exportOptionsFrom } from './options.ts';
import { FORCE_QUOTE_FLAG, TEXT_FLAGS, textOptionsFrom } from './rows/text-options.ts';
import { exportSet, runExport } from './run.ts';

const COLUMNS_FLAG = ['--columns <a,b>', 'only these columns, in this order'] as const;
const CONTENT_FLAG = ['--content <number>', 'only the rows of this content (shard)'] as const;
const STRINGS_FLAG = [
  '--parquet-strings <column>',
  'Parquet: write this column as a string, whatever its type (repeatable)',
] as const;

export const exportCommand: ClusterCommand = {
  usage: 'export [table]',
  summary: 'write a table of the database, or of a set, as text, csv or Parquet',
  details: `<table> is schema.table, in the letters of its name; the root of a partitioned table stands for all its partitions.
Without --at the rows are those of the live database: through its coordinator, or of all shards as of one instant.
Exit 130 also when the reader of standard output closes it, as head does.
Examples:
  stowage export public.sales --at 20260131120000 --out sales.csv.gz
  stowage export public.sales --at latest --format parquet --name sales-january
  stowage export public.sales --where "day >= '2026-01-01'" --format csv --header
  stowage export --query "SELECT id, total FROM sales" --out sales.parquet`,
  flags: [
    ['--at <set>', 'from this set: a timestamp, its first digits, or latest'],
    ['--query <sql>', 'the rows of this query, from the live database'],
    COLUMNS_FLAG,
    ['--where <sql>', 'live: only rows for which this condition holds'],
    ['--parallel', 'live, Greenplum: read all segments at once, as of one instant'],
    CONTENT_FLAG,
    ['--format <name>', 'text, csv or parquet (default: by the ending of --out, else text)'],
    ...TEXT_FLAGS,
    FORCE_QUOTE_FLAG,
    ['--encoding <name>', 'of the text (default: that of a set; live: UTF8)'],
    ['--compression <name>', 'none, gzip or zstd (default: by the ending of --out, else none)'],
    STRINGS_FLAG,
    ['--out <file>', 'write this file (default: standard output)'],
    ['--overwrite', 'replace the file, if it exists'],
    ['--name <name>', 'write exports/<name>/ in the bucket, with a receipt'],
    ['--plain', '--name: store the rows unencrypted, although backups are encrypted'],
    ['--redirect-db <name>', 'another database than the configured one'],
    ACCEPT_PLAIN_FLAG,
    IDENTITY_FLAG,
  ],
  lists: [FORCE_QUOTE_FLAG[0], STRINGS_FLAG[0], IDENTITY_FLAG[0]],
  cluster: (flags) => ({ database: flags['redirectDb'] }),
  async run({ flags, positional, context }) {
    return runExport(context, exportOptionsFrom(flags, positional));
  },
};

export const catCommand: ClusterCommand = {
  usage: 'cat <set> <table>',
  summary: 'print the rows of a table of a set',
  details: `${SET_DETAILS}
Prints COPY text: one line per row, tabs between values, \\N for NULL. Only the frames of this table are read. \`stowage export --at\` has more formats.
Exit 130 also when the reader of standard output closes it, as head does.
Example: stowage cat latest public.sales | head`,
  flags: [COLUMNS_FLAG, CONTENT_FLAG, ACCEPT_PLAIN_FLAG, IDENTITY_FLAG],
  lists: [IDENTITY_FLAG[0]],
  cluster: () => ({}),
  async run({ flags, positional, context }) {
    const [set = '', table = ''] = positional;
    const options: ExportOptions = {
      table: tableNameFrom(table),
      query: undefined,
      at: setNameFrom([set]),
      columns: columnsFrom(flags),
      where: undefined,
      content: flags['content'] === undefined ? undefined : numberFrom(flags, 'content', 0),
      parallel: false,
      format: 'text',
      text: textOptionsFrom({}, 'text'),
      encoding: undefined,
      compression: 'none',
      strings: [],
      place: { kind: 'stdout' },
    };
    return exportSet(context, setNameFrom([set]), tableNameFrom(table), options);
  },
};
