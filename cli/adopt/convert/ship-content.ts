import { crc32 } from 'node:zlib';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { Plan } from '../../../backup-set/documents/plan.ts';
import { COORDINATOR } from '../../../backup-set/restore/phases.ts';
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
/** Worker 0 ships metadata. */
const WORKER = 1;

/** Ships the files of content −1: definitions, sequences, globals. */
export async function shipDefinitions(
  { timestamp }: Plan,
  metadata: AdoptedSource['metadata'],
  deps: ShipperDeps,
): Promise<void> {
  const writer = { timestamp, content: COORDINATOR, attempt: ATTEMPT };
  let sequence = 0;
  for (const { file, bytes } of metadata)
    await storeMetadata(writer, { file, sequence: ++sequence, chunks: only(bytes) }, deps);
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
): Promise<void> {
  const { content } = source;
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
      const key = relationKey(section);
      const [id, expected] = [ids.get(key), counted.get(key)];
      if (id === undefined || expected === undefined) {
        for await (const _ of section.rows);
        continue;
      }
      counted.delete(key);
      const sums = { rows: 0, bytes: 0, crc: 0 };
      const chunks = summing(section.rows, sums);
      for await (const block of rowBlocks(chunks, arena)) {
        const { rows, bytes } = await frames.push(id, block);
        sums.rows += rows;
        deps.progress.rows += rows;
        deps.progress.bytes += bytes;
      }
      const { rows, bytes, crc } = expected;
      if (sums.rows !== rows || sums.bytes !== bytes || sums.crc !== crc)
        throw changed(content, `${section.schema}.${section.name}`);
      deps.report({ type: 'relation', relation: id, rows, bytes });
      deps.report({ type: 'progress', ...progressOf(deps) });
      if (counted.size === 0) break;
    }
    if (counted.size > 0) throw changed(content, plural(counted.size, 'table'));
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
  sums: { bytes: number; crc: number },
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
