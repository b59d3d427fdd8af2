import { StowageError } from '../../backup-set/base/errors.ts';
import { count, plural } from '../../backup-set/base/words.ts';
import { isEncrypting } from '../../encryption/settings.ts';
import type { ObjectStore } from '../../storage/store.ts';
import type { ClusterContext } from '../context.ts';
import { withStore } from '../open.ts';
import { bytes, duration, printable, rate } from '../output/format.ts';
import type { ExportOptions } from './options.ts';
import { formattedText } from './rows/formatted.ts';
import type { Exported, RowSource } from './source.ts';
import { requireNewExport, toBucket } from './to/bucket.ts';
import { compressed } from './to/compressed.ts';
import { requirePath, toFile } from './to/file.ts';
import { type Measured, measured } from './to/measured.ts';
import { toStandardOutput } from './to/standard-output.ts';

const INTERRUPTED = 130;
const NOTE_MS = 5_000;
/** Names of tables in a message, and in the summary. */
const [SHOWN_MAX, LISTED_MAX] = [5, 100];

/** Before any row is read: the place must be free. */
export async function requirePlace(context: ClusterContext, { place }: ExportOptions) {
  if (place.kind === 'file') await requirePath(place.path, place.overwrite);
  if (place.kind !== 'bucket') return;
  const { encryption } = context.config;
  requirePlainExport(place, encryption !== undefined && isEncrypting(encryption));
  await withStore(context, (store) => requireNewExport(store, place, context.signal));
}

/** Other programs read exports, so that the file is not sealed: the user must want that. */
export function requirePlainExport(place: ExportOptions['place'], isEncrypted: boolean): void {
  if (place.kind !== 'bucket' || place.isPlain || !isEncrypted) return;
  throw new StowageError(
    'export/impossible',
    `--name would store the rows unencrypted in the bucket (${place.file}), and backups are encrypted: --plain accepts that, --out FILE writes a file of this host`,
    { where: { field: 'name', object: place.file } },
  );
}

/**
 * Writes the rows of a source, and says what was written.
 * @param store of the set; absent = opened when the place needs one.
 * @returns the exit code.
 */
export async function writeExport(
  context: ClusterContext,
  source: RowSource,
  options: ExportOptions,
  store?: ObjectStore,
): Promise<number> {
  const startedAt = context.clock().getTime();
  warnOfPartitions(context, source);
  const exported: Exported = { rows: 0, bytes: 0 };
  const written: Measured = { bytes: 0, sha256: '' };
  const progress = showRows(context, source, exported);
  try {
    const rows = await rowsFor(source, options, exported);
    const all = requireAll(rows, source, exported);
    const stream = measured(compressed(all, streamCompression(options)), written);
    const sent = await send(context, stream, { source, options, exported, written }, store);
    if (sent === 'reader-gone') return INTERRUPTED;
  } finally {
    progress.stop();
  }
  const elapsedMs = context.clock().getTime() - startedAt;
  summarize(context, source, options, { ...exported, written }, elapsedMs);
  return 0;
}

/** In sets of earlier programs, tables left out may or may not be partitions of an exported one. */
function warnOfPartitions({ output }: ClusterContext, { what, mayLack = [] }: RowSource): void {
  if (mayLack.length === 0) return;
  const more = mayLack.length > SHOWN_MAX ? ', …' : '';
  const names = printable(mayLack.slice(0, SHOWN_MAX).join(', '));
  output.note(
    'may-lack',
    lackField(mayLack),
    `${printable(what)}: the set has no rows of ${plural(mayLack.length, 'table')} (${names}${more}), so the rows of those that are partitions of it are not exported`,
  );
}

const lackField = (mayLack: readonly string[]) => ({
  mayLack: { total: mayLack.length, names: mayLack.slice(0, LISTED_MAX) },
});

/** Fails at the end of the rows, so before a file gets its name, when there are not all. */
async function* requireAll(
  rows: AsyncIterable<Uint8Array>,
  source: RowSource,
  exported: Exported,
): AsyncGenerator<Uint8Array> {
  yield* rows;
  const wanted = source.rows();
  if (exported.rows === wanted) return;
  throw new StowageError(
    'database/count',
    `export of ${source.what}: ${count(exported.rows)} rows were read, but there are ${count(wanted)}`,
  );
}

async function rowsFor(
  source: RowSource,
  { text, encoding, strings, compression }: ExportOptions,
  exported: Exported,
): Promise<AsyncIterable<Uint8Array>> {
  if (text !== undefined) return formattedText(source, text, encoding, exported);
  const { formattedParquet } = await import('./parquet/formatted.ts');
  return formattedParquet(source, { strings, compression }, exported);
}

/** Parquet compresses its columns by itself. */
function streamCompression({ format, compression }: ExportOptions) {
  return format === 'parquet' ? 'none' : compression;
}

interface Sent {
  readonly source: RowSource;
  readonly options: ExportOptions;
  readonly exported: Exported;
  readonly written: Measured;
}

async function send(
  context: ClusterContext,
  stream: AsyncIterable<Uint8Array>,
  { source, options, exported, written }: Sent,
  store: ObjectStore | undefined,
): Promise<'written' | 'reader-gone'> {
  const { signal, clock } = context;
  const { place, format, compression } = options;
  if (place.kind === 'stdout') return toStandardOutput(stream, signal);
  if (place.kind === 'file') {
    await toFile(stream, place.path, { overwrite: place.overwrite, signal });
    return 'written';
  }
  const upload = (bucket: ObjectStore) =>
    toBucket(bucket, place, stream, signal, () => ({
      at: clock().toISOString(),
      measured: written,
      as: format,
      compression,
      rows: exported.rows,
      columns: source.columns.map(({ name }) => name),
      from: source.from as { readonly database: string },
    }));
  await (store === undefined ? withStore(context, upload) : upload(store));
  return 'written';
}

function summarize(
  { output }: ClusterContext,
  source: RowSource,
  { place, format, compression }: ExportOptions,
  { rows, written }: Exported & { readonly written: Measured },
  elapsedMs: number,
): void {
  const where =
    place.kind === 'stdout' ? 'standard output' : place.kind === 'file' ? place.path : place.file;
  const value = {
    status: 'exported',
    from: source.from,
    to: place.kind === 'bucket' ? { kind: 'bucket', object: place.file } : place,
    format,
    compression,
    columns: source.columns.map(({ name }) => name),
    rows,
    bytes: written.bytes,
    sha256: written.sha256,
    elapsedMs,
    // Backups are encrypted, and this object of the bucket is not.
    ...(place.kind === 'bucket' && place.isPlain && { plain: true }),
    ...(source.mayLack !== undefined && source.mayLack.length > 0 && lackField(source.mayLack)),
  };
  const text = `exported ${plural(rows, 'row')} of ${printable(source.what)} to ${printable(where)}: ${bytes(written.bytes)} in ${duration(elapsedMs)} (${rate(written.bytes, elapsedMs)})`;
  // Standard output has the rows.
  if (place.kind === 'stdout') output.note('exported', value, output.live ? text : undefined);
  else output.result(value, text);
}

/** On a terminal a line that is redrawn; elsewhere a line every few seconds. */
function showRows(
  { output, clock }: ClusterContext,
  source: RowSource,
  exported: Exported,
): { stop(): void } {
  const startedAt = clock().getTime();
  const show = () => {
    const ms = clock().getTime() - startedAt;
    const share =
      source.bytes === undefined || source.bytes === 0
        ? ''
        : ` (${Math.min(100, Math.floor((exported.bytes / source.bytes) * 100))}%)`;
    const text = `export of ${printable(source.what)}: ${plural(exported.rows, 'row')}, ${bytes(exported.bytes)}${share}, ${rate(exported.bytes, ms)}`;
    if (output.live) output.draw([text]);
    else output.note('progress', { what: 'export', elapsedMs: ms, ...exported }, text);
  };
  const timer = setInterval(show, output.live ? 250 : NOTE_MS);
  return {
    stop() {
      clearInterval(timer);
      output.draw([]);
    },
  };
}
