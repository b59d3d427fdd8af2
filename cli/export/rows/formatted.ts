import { StowageError } from '../../../backup-set/base/errors.ts';
import type { Column, Exported, Piece, RowSource } from '../source.ts';
import { type Row, rowReader } from './row-reader.ts';
import type { TextOptions } from './text-options.ts';
import { type RowWriter, textWriter } from './text-writer.ts';
import { LEFT, transcoder } from './transcode.ts';

const FLUSH_BYTES = 128 * 1024;

/** How a writer takes rows and gives bytes. */
export interface RowSink {
  readonly length: number;
  write(row: Row, fields: Uint32Array): void;
  /** Bytes that are ready. */
  take(): Buffer;
  /** The bytes at the end of a file. */
  end(): Buffer;
}

/**
 * The rows of a source as text or csv. COPY text with all columns and the options of a set leaves
 * as it is. @param encoding of what is written; absent = that of the rows.
 */
export async function* formattedText(
  source: RowSource,
  options: TextOptions,
  encoding: string | undefined,
  exported: Exported,
): AsyncGenerator<Uint8Array> {
  let writer: RowWriter | undefined;
  for await (const piece of source.pieces()) {
    const to = encoding ?? piece.encoding;
    if (isAsItIs(source.columns, piece, options)) {
      yield* passed(piece, to, exported);
      continue;
    }
    writer ??= writerOf(source.columns, options, to);
    const sink = { ...sinkOf(writer), end: () => Buffer.alloc(0) };
    yield* throughSink(source.columns, piece, to, sink, exported);
  }
  // The header of a table without rows.
  writer ??= writerOf(source.columns, options, encoding ?? 'UTF8');
  if (writer.length > 0 && (options.header || exported.rows > 0)) yield writer.take();
}

/** @throws StowageError `export/impossible` for a header in another encoding than the rows. */
function writerOf(columns: readonly Column[], options: TextOptions, encoding: string): RowWriter {
  const names = columns.map(({ name }) => Buffer.from(name));
  const isOther =
    !LEFT.includes(encoding) && names.some((name) => name.some((byte) => byte > 0x7f));
  if (options.header && isOther)
    throw new StowageError(
      'export/impossible',
      `the names of the columns are in UTF8, and the rows in ${encoding}: use --encoding UTF8, or leave --header out`,
      { where: { field: 'header' } },
    );
  return textWriter(names, options);
}

function sinkOf(writer: RowWriter): Omit<RowSink, 'end'> {
  return {
    get length() {
      return writer.length;
    },
    write: (row, fields) => writer.write(row, fields),
    take: () => writer.take(),
  };
}

/** Rows of all pieces through one writer, whose end is the end of the file. */
export async function* formattedBy(
  source: RowSource,
  encoding: string,
  sink: RowSink,
  exported: Exported,
): AsyncGenerator<Uint8Array> {
  for await (const piece of source.pieces())
    yield* throughSink(source.columns, piece, encoding, sink, exported);
  yield sink.end();
}

function isAsItIs(columns: readonly Column[], piece: Piece, options: TextOptions): boolean {
  return (
    options.format === 'text' &&
    !options.header &&
    options.delimiter === 0x09 &&
    options.null.toString('latin1') === '\\N' &&
    columns.length === piece.columns.length &&
    columns.every(({ name }, at) => name === piece.columns[at])
  );
}

async function* passed(piece: Piece, to: string, exported: Exported): AsyncGenerator<Uint8Array> {
  const { convert, end } = transcoder(piece.encoding, to);
  for await (const chunk of piece.rows) {
    for (let at = 0; at < chunk.length; at += 1) if (chunk[at] === 0x0a) exported.rows += 1;
    exported.bytes += chunk.byteLength;
    const converted = convert(chunk);
    // The memory of the chunk is used again, and a compressor reads ahead.
    yield converted === chunk ? Buffer.from(chunk) : converted;
  }
  end();
}

async function* throughSink(
  columns: readonly Column[],
  piece: Piece,
  to: string,
  sink: RowSink,
  exported: Exported,
): AsyncGenerator<Uint8Array> {
  const fields = Uint32Array.from(columns, ({ name }) => piece.columns.indexOf(name));
  const { convert, end } = transcoder(piece.encoding, to);
  const reader = rowReader(piece.columns.length, (row) => {
    exported.rows += 1;
    sink.write(row, fields);
  });
  for await (const chunk of piece.rows) {
    exported.bytes += chunk.byteLength;
    reader.feed(convert(chunk));
    if (sink.length >= FLUSH_BYTES) yield sink.take();
  }
  end();
  reader.end();
  if (sink.length > 0) yield sink.take();
}
