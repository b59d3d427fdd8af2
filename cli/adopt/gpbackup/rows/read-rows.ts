import { type CompressionName, decompressed, smallFile } from '../../files/decompressed.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import { parseDocument, SegmentToc } from '../documents.ts';
import { dataName } from '../names.ts';
import type { Link } from '../read-links.ts';
import { textOfCsv } from './csv-to-text.ts';
import { type Slice, slicesOf } from './table-rows.ts';

/** A table whose rows a set has. */
export interface SetTable {
  readonly link: Link;
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/** The rows of one table on one segment, in COPY text. They must be read before the next. */
export interface TableRows {
  readonly table: SetTable;
  /** Of the file that has them. */
  readonly file: string;
  readonly rows: AsyncIterable<Buffer>;
}

/** What cannot be read of a content: one table, or all those of a file. */
export type OnUnreadable = (
  file: string,
  tables: readonly SetTable[],
  error: UnsoundScript,
) => void;

/**
 * The rows of these tables on one segment. A file that is not sound is given to `onUnreadable`, and
 * the reading goes on with the next: also when a consumer has caught the error of `rows`.
 */
export async function* rowsOfContent(
  content: number,
  tables: readonly SetTable[],
  onUnreadable: OnUnreadable,
  signal: AbortSignal,
): AsyncGenerator<TableRows> {
  for (const [link, own] of Map.groupBy(tables, ({ link }) => link))
    yield* link.config.singledatafile
      ? fromOneFile(content, link, own, onUnreadable, signal)
      : fromFiles(content, link, own, onUnreadable, signal);
}

interface Failure {
  error: UnsoundScript | undefined;
}

async function* noting(rows: AsyncIterable<Buffer>, failure: Failure): AsyncGenerator<Buffer> {
  try {
    yield* rows;
  } catch (error) {
    if (error instanceof UnsoundScript) failure.error = error;
    throw error;
  }
}

export function compressionOf({ config }: Link): CompressionName {
  if (!config.compressed) return 'none';
  return config.compressiontype === 'zstd' ? 'zstd' : 'gzip';
}

async function* fromFiles(
  content: number,
  link: Link,
  tables: readonly SetTable[],
  onUnreadable: OnUnreadable,
  signal: AbortSignal,
): AsyncGenerator<TableRows> {
  const compression = compressionOf(link);
  for (const table of tables) {
    const file = dataName(content, link.timestamp, table.oid, compression);
    try {
      const found = link.files.get(file);
      if (found === undefined) throw new UnsoundScript('it is missing');
      const text = textOfCsv(decompressed(found, compression, signal), table.columns.length);
      const failure: Failure = { error: undefined };
      yield { table, file, rows: noting(text, failure) };
      if (failure.error !== undefined) throw failure.error;
    } catch (error) {
      if (!(error instanceof UnsoundScript)) throw error;
      onUnreadable(file, [table], error);
    }
  }
}

async function* fromOneFile(
  content: number,
  link: Link,
  tables: readonly SetTable[],
  onUnreadable: OnUnreadable,
  signal: AbortSignal,
): AsyncGenerator<TableRows> {
  const compression = compressionOf(link);
  const file = dataName(content, link.timestamp, undefined, compression);
  const wanted = new Map(tables.map((table) => [table.oid, table]));
  let at = file;
  try {
    at = `gpbackup_${content}_${link.timestamp}_toc.yaml`;
    const slices = await slicesIn(link, at, wanted, signal);
    at = file;
    const found = link.files.get(file);
    if (found === undefined) throw new UnsoundScript('it is missing');
    const chunks = decompressed(found, compression, signal);
    for await (const [{ oid }, bytes] of slicesOf(chunks, slices)) {
      const table = wanted.get(oid);
      if (table === undefined) for await (const _ of bytes);
      else {
        const failure: Failure = { error: undefined };
        yield { table, file, rows: noting(textOfCsv(bytes, table.columns.length), failure) };
        if (failure.error !== undefined) throw failure.error;
        wanted.delete(oid);
      }
    }
  } catch (error) {
    if (!(error instanceof UnsoundScript)) throw error;
    onUnreadable(at, [...wanted.values()], error);
  }
}

/** Where the rows of all tables are in the file, in its order. */
async function slicesIn(
  link: Link,
  file: string,
  wanted: ReadonlyMap<number, SetTable>,
  signal: AbortSignal,
): Promise<readonly (Slice & { readonly oid: number })[]> {
  const found = link.files.get(file);
  if (found === undefined) throw new UnsoundScript('it is missing');
  const toc = parseDocument(SegmentToc, await smallFile(found, signal));
  const slices = Object.entries(toc.dataentries).map(([oid, { startbyte, endbyte }]) => ({
    oid: Number(oid),
    start: startbyte,
    end: endbyte,
  }));
  const has = new Set(slices.map(({ oid }) => oid));
  for (const { oid, schema, name } of wanted.values())
    if (!has.has(oid)) throw new UnsoundScript(`it lacks table ${schema}.${name} (oid ${oid})`);
  return slices.sort((a, b) => a.start - b.start || a.end - b.end);
}
