import type { ClusterCommand } from '../command.ts';
import { TEXT_FLAGS } from '../export/rows/text-options.ts';
import { importOptionsFrom } from './options.ts';
import { runImport } from './run.ts';

export const importCommand: ClusterCommand = {
  usage: 'import <file>',
  summary: 'load a file of text, csv or Parquet into a table, in one transaction',
  details: `<file> is a path, or - for standard input. Files that gzip or zstd has compressed are decompressed.
Either all rows are in the table, or none: the rows of the file are counted, and compared with those that the server loaded. An error names the line of the file.
Examples:
  stowage import sales.csv.gz --table public.sales --header
  stowage import sales.parquet --table public.sales
  stowage cat latest public.sales | stowage import - --table public.sales_then`,
  flags: [
    ['--table <table>', 'the table that gets the rows: schema.table (required)'],
    ['--columns <a,b>', 'the columns of the file, in its order (default: all of the table)'],
    ['--format <name>', 'text, csv or parquet (default: by the file)'],
    ...TEXT_FLAGS,
    ['--encoding <name>', 'of the file (default: UTF8)'],
    ['--content <number>', 'the shard that gets the rows'],
    ['--redirect-db <name>', 'another database than the configured one'],
  ],
  cluster: (flags) => ({ database: flags['redirectDb'] }),
  async run({ flags, positional, context }) {
    return runImport(context, importOptionsFrom(flags, positional));
  },
};
