import { crc32 } from 'node:zlib';
import { StowageError } from '../../../backup-set/base/errors.ts';
import type { MetadataFile } from '../../../backup-set/base/keys.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import type { BlockArena } from '../../../database/copy-wire/block-arena.ts';
import { digestsOf } from '../../../segment-shipper/backup/backup.ts';
import { storeMetadata } from '../../../segment-shipper/backup/metadata.ts';
import { type Compression, orderedFrames } from '../../../segment-shipper/backup/ordered-frames.ts';
import { packSeries } from '../../../segment-shipper/backup/pack-series.ts';
import { rowBlocks } from '../../../segment-shipper/backup/row-blocks.ts';
import type { ShipperDeps } from '../../../segment-shipper/deps.ts';
import {
  type AdoptedSource,
  type CountedRelation,
  relationKey,
  type SourceContent,
  type SourcePart,
} from './source.ts';

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
  const counted = new Map(source.relations.map((relation) => [relationKey(relation), relation]));
  const { timestamp, packBytes } = plan;
  const idOf = (key: string) => {
    const id = ids.get(key);
    if (id === undefined) throw new Error(`the plan has no relation ${key}`);
    return id;
  };
  const store = { writer: { timestamp, content, attempt: ATTEMPT, packBytes }, arena, compression };
  await shipParts(source.read(deps.signal), store, deps, files, {
    isOther: (key) => !counted.has(key),
    idOf,
    onRows(key, found) {
      const expected = counted.get(key);
      // The rows of a partitioned table can be in several places of a dump.
      const isAll =
        expected?.rows === found.rows &&
        expected.bytes === found.bytes &&
        expected.crc === found.crc;
      if (!isAll) return;
      counted.delete(key);
      const { rows, bytes } = found;
      deps.report({ type: 'relation', relation: idOf(key), rows, bytes });
    },
    onEnd() {
      const [lost] = counted.values();
      if (lost !== undefined)
        throw changed(
          content,
          counted.size > 1 ? plural(counted.size, 'table') : `${lost.schema}.${lost.name}`,
        );
    },
  });
}

/** What decides about the tables of a source. */
export interface Takes {
  /** True: the set does not take these rows. Absent: it takes all. */
  isOther?(key: string): boolean;
  /** Called when the first of its rows are stored. */
  idOf(key: string): number;
  /** Called behind each part of its rows with all that were found so far. */
  onRows(key: string, found: CountedRelation): void;
  /** Called before the last pack is stored. */
  onEnd?(): void;
}

export interface PackStore extends Pick<Shipment, 'arena' | 'compression'> {
  readonly writer: Parameters<typeof packSeries>[0];
}

/** Cuts the rows of a source into frames, and stores them and the files among them. */
export async function shipParts(
  parts: AsyncIterable<SourcePart>,
  { writer, arena, compression }: PackStore,
  deps: ShipperDeps,
  files: FileWriter,
  takes: Takes,
): Promise<void> {
  const all = new Map<string, Sums>();
  const packs = packSeries(writer, WORKER, deps);
  const frames = orderedFrames(packs, { ...compression, ...digestsOf(deps.sealing) });
  try {
    for await (const part of parts) {
      if ('file' in part) {
        await shipFile(part, files);
        continue;
      }
      const key = relationKey(part);
      if (takes.isOther?.(key) === true) {
        for await (const _ of part.rows);
        continue;
      }
      const sums = all.get(key) ?? { rows: 0, bytes: 0, crc: 0 };
      all.set(key, sums);
      const chunks = summing(part.rows, sums);
      for await (const block of rowBlocks(chunks, arena)) {
        const { rows, bytes } = await frames.push(takes.idOf(key), block);
        sums.rows += rows;
        deps.progress.rows += rows;
        deps.progress.bytes += bytes;
      }
      const { schema, name, columns } = part;
      takes.onRows(key, { schema, name, columns, ...sums });
      deps.report({ type: 'progress', ...progressOf(deps) });
    }
    takes.onEnd?.();
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

async function* summing(chunks: AsyncIterable<Buffer>, sums: Sums): AsyncGenerator<Buffer> {
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
