import { zstdCompressSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { TOOL } from '../../../backup-set/base/tool.ts';
import { formattedBy, type RowSink } from '../rows/formatted.ts';
import { isNull, plainValue } from '../rows/row-reader.ts';
import type { Exported, RowSource } from '../source.ts';
import type { Compression } from '../to/compressed.ts';
import { type ParquetColumn, parquetColumn, unfitValue } from './columns.ts';

/** A row group is in memory until it is written: it ends at whichever comes first. */
const GROUP_ROWS_MAX = 100_000;
const GROUP_BYTES_MAX = 16 * 1024 * 1024;

export interface ParquetOptions {
  /** Columns that are strings, whatever their type. */
  readonly strings: readonly string[];
  readonly compression: Compression;
}

/**
 * The rows of a source as a Parquet file, group by group.
 * @throws StowageError `export/value` naming row and column.
 */
export function formattedParquet(
  source: RowSource,
  { strings, compression }: ParquetOptions,
  exported: Exported,
): AsyncIterable<Uint8Array> {
  const names = source.columns.map(({ name }) => name);
  const unknown = strings.find((name) => !names.includes(name));
  if (names.length === 0) throw impossible('a Parquet file has at least one column');
  if (unknown !== undefined)
    throw impossible(`--parquet-strings: ${source.what} has no column ${JSON.stringify(unknown)}`);
  const columns = source.columns.map((column) =>
    parquetColumn(column, strings.includes(column.name)),
  );
  return formattedBy(source, 'UTF8', parquetSink(columns, compression), exported);
}

function parquetSink(columns: readonly ParquetColumn[], compression: Compression): RowSink {
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [{ name: 'root', num_children: columns.length }, ...columns.map((one) => one.element)],
    createdBy: TOOL,
    ...(compression === 'zstd'
      ? { codec: 'ZSTD' as const, compressors: { ZSTD: (input) => zstdCompressSync(input) } }
      : { codec: 'UNCOMPRESSED' as const }),
  });
  let group: unknown[][] = columns.map(() => []);
  let rows = 0;
  let held = 0;
  let total = 0;

  function writeGroup(): void {
    if (rows === 0) return;
    const columnData = columns.map(({ name, hasStatistics }, at) => ({
      name,
      data: group[at] ?? [],
      statistics: hasStatistics,
    }));
    // Without `flush` the writer does all of it at once.
    void writer.write({ columnData, rowGroupSize: rows });
    group = columns.map(() => []);
    rows = 0;
    held = 0;
  }
  function take(): Buffer {
    const taken = Buffer.from(bytes.getBytes());
    bytes.index = 0;
    return taken;
  }
  return {
    get length() {
      return bytes.index;
    },
    write(row, fields) {
      total += 1;
      for (const [at, column] of columns.entries()) {
        const field = fields[at] ?? 0;
        group[at]?.push(
          isNull(row, field) ? null : converted(column, plainValue(row, field), total),
        );
      }
      rows += 1;
      held += row.bytes.length === 0 ? 0 : (row.ends.at(-1) ?? 0) - (row.starts[0] ?? 0);
      if (rows >= GROUP_ROWS_MAX || held >= GROUP_BYTES_MAX) writeGroup();
    },
    take,
    end() {
      writeGroup();
      void writer.finish();
      return take();
    },
  };
}

function converted(column: ParquetColumn, value: Buffer, row: number): unknown {
  const made = column.convert(value);
  if (made === undefined) throw unfitValue(column, row, value);
  return made;
}

function impossible(message: string): StowageError {
  return new StowageError('export/impossible', message, { where: { field: 'format' } });
}
