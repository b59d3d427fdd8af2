import { stat } from 'node:fs/promises';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import {
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetRead,
  type SchemaElement,
} from 'hyparquet';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import { outputBuffer } from '../../export/rows/output-buffer.ts';
import { escapedText } from '../../export/rows/text-writer.ts';
import { toText } from './copy-text.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const FLUSH_BYTES = 256 * 1024;
const NULL = Buffer.from('\\N');

const COMPRESSORS: Compressors = {
  GZIP: (input) => gunzipSync(input),
  ZSTD: (input) => zstdDecompressSync(input),
  BROTLI: (input) => brotliDecompressSync(input),
};

/** A Parquet file whose rows are read group by group. */
export interface ParquetFile {
  readonly columns: readonly string[];
  /** As its footer says. */
  readonly rows: number;
  /** COPY text. @param types of the columns of the table, in the order of the file. */
  copyText(types: readonly string[]): AsyncGenerator<Uint8Array>;
}

/** @throws StowageError `import/refused` for a file that is no Parquet file. */
export async function openParquet(path: string): Promise<ParquetFile> {
  const { file, metadata } = await open(path);
  const [, ...elements] = metadata.schema;
  const raw = { ...metadata, schema: metadata.schema.map(physical) };
  return {
    columns: elements.map(({ name }) => name),
    rows: Number(metadata.num_rows),
    async *copyText(types) {
      const convert = elements.map((element, at) => toText(element, types[at] ?? 'text'));
      const out = outputBuffer();
      let rowStart = 0;
      for (const { num_rows: inGroup } of metadata.row_groups) {
        const rowEnd = rowStart + Number(inGroup);
        for (const row of await readRows(path, { file, metadata: raw, rowStart, rowEnd })) {
          for (const [at, value] of row.entries()) {
            if (at > 0) out.byte(TAB);
            if (value === null || value === undefined) out.copy(NULL, 0, NULL.length);
            else escapedText(bytesOf(convert[at]?.(value) ?? ''), TAB, out);
          }
          out.byte(NEWLINE);
          if (out.length >= FLUSH_BYTES) yield out.take();
        }
        rowStart = rowEnd;
      }
      if (out.length > 0) yield out.take();
    },
  };
}

const bytesOf = (value: Uint8Array | string) =>
  typeof value === 'string' ? Buffer.from(value) : value;

/** Without its annotations: the reader would round decimals and timestamps. */
function physical(element: SchemaElement): SchemaElement {
  const { converted_type: _, logical_type: __, ...rest } = element;
  return rest;
}

async function open(path: string) {
  try {
    await stat(path);
    const file = await asyncBufferFromFile(path);
    return { file, metadata: await parquetMetadataAsync(file) };
  } catch (cause) {
    throw new StowageError('import/refused', `${path} is no Parquet file: ${messageOf(cause)}`, {
      cause,
      where: { field: 'file' },
    });
  }
}

interface Read {
  readonly file: Awaited<ReturnType<typeof asyncBufferFromFile>>;
  readonly metadata: FileMetaData;
  readonly rowStart: number;
  readonly rowEnd: number;
}

async function readRows(path: string, read: Read): Promise<readonly unknown[][]> {
  let rows: readonly unknown[][] = [];
  try {
    await parquetRead({
      ...read,
      compressors: COMPRESSORS,
      utf8: false,
      // INT96 has no annotation.
      parsers: { timestampFromNanoseconds: (nanos: bigint) => nanos } as never,
      onComplete: (found) => {
        rows = found as unknown[][];
      },
    });
    return rows;
  } catch (cause) {
    throw new StowageError('import/failed', `cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}
