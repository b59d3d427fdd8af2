import { StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import type { ImportFormat } from '../../database/copy/import-statement.ts';
import { openSession } from '../../database/session/session.ts';
import { targetOf } from '../config/config.ts';
import type { ClusterContext } from '../context.ts';
import { oneServer } from '../export/live/through-one.ts';
import { flavourOf } from '../flavour.ts';
import { bytes, duration, printable, rate } from '../output/format.ts';
import { writtenName } from '../read-set/table-name.ts';
import { csvRecords, type RecordCount, textRecords } from './count-records.ts';
import { openFile } from './decompressed.ts';
import { columnsToFill, readHeader } from './header.ts';
import { type ImportRows, type ImportTable, importTable, load } from './load.ts';
import type { ImportOptions } from './options.ts';
import { openParquet } from './parquet/rows.ts';

const NOTE_MS = 5_000;

interface Progress {
  bytes: number;
}

/** Loads a file into a table, in one transaction. @returns the exit code. */
export async function runImport(context: ClusterContext, options: ImportOptions): Promise<number> {
  const { config, env, signal, clock, output } = context;
  const topology = await flavourOf(context).topology();
  const server = oneServer(topology, options.content);
  const startedAt = clock().getTime();
  const session = await openSession(targetOf(config, server, env), {
    purpose: 'restore',
    applicationName: 'stowage import',
    signal,
  });
  const progress: Progress = { bytes: 0 };
  const shown = setInterval(() => {
    const text = `import of ${printable(options.file)}: ${bytes(progress.bytes)}`;
    output.note('progress', { what: 'import', bytes: progress.bytes }, text);
  }, NOTE_MS);
  try {
    const table = await importTable(session, options.table);
    const rows = await rowsOf(table, options, progress);
    const loaded = await load(session, table, rows, signal);
    const elapsedMs = clock().getTime() - startedAt;
    const { file } = options;
    if (rows.isOpen())
      output.note(
        'no-line-break',
        { file },
        `${printable(file)} has no line break at its end: if it was cut off, its last row is, too`,
      );
    output.result(
      {
        ...{ status: 'imported', file, table: writtenName(table), content: server.content },
        ...{ rows: loaded, bytes: progress.bytes, elapsedMs },
      },
      `imported ${plural(loaded, 'row')} of ${printable(file)} into ${printable(writtenName(table))}: ${bytes(progress.bytes)} in ${duration(elapsedMs)} (${rate(progress.bytes, elapsedMs)})`,
    );
    return 0;
  } finally {
    clearInterval(shown);
    await session.close();
  }
}

async function rowsOf(
  table: ImportTable,
  options: ImportOptions,
  progress: Progress,
): Promise<ImportRows> {
  const { file, format } = options;
  const opened = await openFile(file);
  const isParquet = opened.kind === 'parquet';
  if (format !== undefined && isParquet !== (format === 'parquet'))
    throw new StowageError(
      'import/refused',
      `file ${file} is ${isParquet ? 'a' : 'no'} Parquet file, and --format says ${format}`,
      { where: { field: 'format' } },
    );
  return isParquet
    ? parquetRows(table, options, progress)
    : textRows(table, options, opened.bytes, progress);
}

async function parquetRows(
  table: ImportTable,
  { file, columns: given }: ImportOptions,
  progress: Progress,
): Promise<ImportRows> {
  if (file === '-')
    throw new StowageError(
      'import/refused',
      'a Parquet file is read from its end: write it to a file first',
      { where: { field: 'file' } },
    );
  const parquet = await openParquet(file);
  const all = { name: writtenName(table), columns: table.columns.map(({ name }) => name) };
  const columns = columnsToFill(all, file, given, parquet.columns) ?? [];
  const types = columns.map(
    (name) => table.columns.find((column) => column.name === name)?.type ?? 'text',
  );
  return {
    file,
    columns,
    format: { format: 'text', encoding: 'UTF8' },
    bytes: passing(parquet.copyText(types), progress),
    sent: () => parquet.rows,
    isOpen: () => false,
  };
}

async function textRows(
  table: ImportTable,
  { file, columns: given, copy }: ImportOptions,
  source: AsyncIterable<Uint8Array>,
  progress: Progress,
): Promise<ImportRows> {
  const quote = copy.quote ?? '"';
  const isCsv = copy.format === 'csv';
  const options = { delimiter: copy.delimiter ?? ',', quote, escape: copy.escape ?? quote };
  const header =
    copy.header === true && isCsv ? await readHeader(source, file, options) : undefined;
  const all = { name: writtenName(table), columns: table.columns.map(({ name }) => name) };
  const counter = isCsv ? csvRecords(byte(quote), byte(copy.escape ?? quote)) : textRecords();
  const skipped = copy.header === true ? 1 : 0;
  return {
    file,
    columns: columnsToFill(all, file, given, header?.names),
    format: copy satisfies ImportFormat,
    bytes: counting(withoutMark(header?.stream ?? source, copy.encoding), counter, progress),
    sent: () => Math.max(0, counter.count() - skipped),
    isOpen: () => counter.isOpen(),
  };
}

const byte = (text: string) => text.charCodeAt(0);

/** A byte order mark would be a part of the first value. */
async function* withoutMark(
  source: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncGenerator<Uint8Array> {
  let isFirst = encoding === 'UTF8';
  for await (const chunk of source) {
    const hasMark = isFirst && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
    isFirst = false;
    yield hasMark ? chunk.subarray(3) : chunk;
  }
}

async function* counting(
  source: AsyncIterable<Uint8Array>,
  counter: RecordCount,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    counter.feed(chunk);
    progress.bytes += chunk.byteLength;
    yield chunk;
  }
}

async function* passing(
  source: AsyncIterable<Uint8Array>,
  progress: Progress,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    progress.bytes += chunk.byteLength;
    yield chunk;
  }
}
