import { crc32 } from 'node:zlib';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { MetadataFile } from '../../../backup-set/base/keys.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import type { BlockArena } from '../../../database/copy-wire/block-arena.ts';
import { storeMetadata } from '../../../segment-shipper/backup/metadata.ts';
import { type Compression, orderedFrames } from '../../../segment-shipper/backup/ordered-frames.ts';
import { packSeries } from '../../../segment-shipper/backup/pack-series.ts';
import { rowBlocks } from '../../../segment-shipper/backup/row-blocks.ts';
import type { ShipperDeps } from '../../../segment-shipper/deps.ts';
import { type AdoptedSource, relationKey, type SourceContent } from './source.ts';

/** What all contents of an adoption share. */
export interface Shipment {
  readonly plan: Plan;
  readonly ids: ReadonlyMap<string, number>;
  readonly arena: BlockArena;
  readonly compression: Compression;
}

export const ATTEMPT = 1;
interface Sums {
  rows: number;
  bytes: number;
  crc: number;
}

/** Worker 0 ships metadata. */
const WORKER = 1;

/** The content with the definitions, and how it stores its files. */
export interface FileWriter {
  readonly timestamp: string;
  readonly content: number;
  readonly deps: ShipperDeps;
  /** How many of its files are stored. */
  stored: number;
}

/** Ships definitions, sequences and globals. */
export async function shipDefinitions(
  metadata: AdoptedSource['metadata'],
  writer: FileWriter,
): Promise<void> {
  for (const { file, bytes } of metadata) await shipFile({ file, chunks: only(bytes) }, writer);
}

async function shipFile(
  { file, chunks }: { readonly file: MetadataFile; readonly chunks: AsyncIterable<Uint8Array> },
  writer: FileWriter,
): Promise<void> {
  const { timestamp, content, deps } = writer;
  const sequence = ++writer.stored;
  await storeMetadata({ timestamp, content, attempt: ATTEMPT }, { file, sequence, chunks }, deps);
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/**
 * Reads the rows of one content again, cuts them into frames and stores them.
 * @throws StowageError `adopt/unsound` when they differ from what the first reading has counted.
 */
export async function shipContent(
  source: SourceContent,
  { plan, ids, arena, compression }: Shipment,
  deps: ShipperDeps,
  files: FileWriter,
): Promise<void> {
  const { content } = source;
  const found = new Map<string, Sums>();
  const counted = new Map(source.relations.map((relation) => [relationKey(relation), relation]));
  const writer = {
    timestamp: plan.timestamp,
    content,
    attempt: ATTEMPT,
    packBytes: plan.packBytes,
  };
  const packs = packSeries(writer, WORKER, deps);
  const frames = orderedFrames(packs, compression);
  try {
    for await (const section of source.read(deps.signal)) {
      if ('file' in section) {
        await shipFile(section, files);
        continue;
      }
      const key = relationKey(section);
      const [id, expected] = [ids.get(key), counted.get(key)];
      if (id === undefined || expected === undefined) {
        for await (const _ of section.rows);
        continue;
      }
      const sums = found.get(key) ?? { rows: 0, bytes: 0, crc: 0 };
      found.set(key, sums);
      const chunks = summing(section.rows, sums);
      for await (const block of rowBlocks(chunks, arena)) {
        const { rows, bytes } = await frames.push(id, block);
        sums.rows += rows;
        deps.progress.rows += rows;
        deps.progress.bytes += bytes;
      }
      const { rows, bytes, crc } = expected;
      // The rows of a partitioned table can be in several places of a dump.
      const isAll = sums.rows === rows && sums.bytes === bytes && sums.crc === crc;
      if (isAll && counted.delete(key))
        deps.report({ type: 'relation', relation: id, rows, bytes });
      deps.report({ type: 'progress', ...progressOf(deps) });
    }
    const [lost] = counted.values();
    if (lost !== undefined)
      throw changed(
        content,
        counted.size > 1 ? plural(counted.size, 'table') : `${lost.schema}.${lost.name}`,
      );
    await frames.drain();
    await packs.finish();
  } catch (error) {
    await packs.abort(error);
    throw error;
  }
}

const progressOf = ({ progress: { rows, bytes, storedBytes, relationsLoaded } }: ShipperDeps) => ({
  rows,
  bytes,
  storedBytes,
  relationsLoaded,
});

async function* summing(
  chunks: AsyncIterable<Buffer>,
  sums: Sums,
): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    sums.bytes += chunk.byteLength;
    sums.crc = crc32(chunk, sums.crc);
    yield chunk;
  }
}

function changed(content: number, what: string): StowageError {
  return new StowageError(
    'adopt/unsound',
    `the dump of content ${content} has changed while it was adopted: the rows of ${what} are not those that were read before`,
    { where: { content } },
  );
}
