import { Readable, type Transform } from 'node:stream';
import { createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import { messageOf } from '../../../../backup-set/base/errors.ts';
import { UnsoundScript } from '../../script/unsound.ts';
import { type Bytes, bytesOf } from '../bytes.ts';
import { lz4Frame } from './lz4.ts';

/** As pg_dump compresses. In archives of the custom format, gzip is without its header: `zlib`. */
export type Compression = 'none' | 'gzip' | 'zlib' | 'zstd' | 'lz4';

const CHUNK_BYTES = 256 * 1024;
const ENGINES = {
  gzip: () => createGunzip({ chunkSize: CHUNK_BYTES }),
  zlib: () => createInflate({ chunkSize: CHUNK_BYTES }),
  zstd: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }),
} as const;
const MAGIC = [
  ['gzip', '1f8b'],
  ['zstd', '28b52ffd'],
  ['lz4', '04224d18'],
] as const;

/** What the first bytes of a file say. */
export async function compressionOf(bytes: Bytes): Promise<Compression> {
  const first = (await bytes.peek(4)).toString('hex');
  return MAGIC.find(([, magic]) => first.startsWith(magic))?.[0] ?? 'none';
}

/**
 * One compressed stream. It ends only when the compressed stream has its own end and no byte
 * follows.
 * @throws UnsoundScript when it is cut off or damaged.
 */
export async function* decompressed(
  chunks: AsyncIterable<Buffer>,
  compression: Compression,
): AsyncGenerator<Buffer> {
  if (compression === 'none') yield* chunks;
  else if (compression === 'lz4') {
    const bytes = bytesOf(chunks);
    yield* lz4Frame(bytes);
    if ((await bytes.peek(1)).length > 0) throw followed('LZ4');
  } else yield* byEngine(chunks, compression);
}

async function* byEngine(
  chunks: AsyncIterable<Buffer>,
  compression: keyof typeof ENGINES,
): AsyncGenerator<Buffer> {
  const read = { bytes: 0, error: undefined as unknown };
  const source = Readable.from(counting(chunks, read), { objectMode: false });
  const engine: Transform & { bytesWritten: number } = ENGINES[compression]();
  source.on('error', (error) => engine.destroy(error));
  source.pipe(engine);
  try {
    for await (const chunk of engine) yield chunk as Buffer;
  } catch (error) {
    throw read.error ?? unsound(error, compression);
  } finally {
    engine.destroy();
    source.destroy();
  }
  if (engine.bytesWritten !== read.bytes) throw followed(compression);
}

/** Keeps the error of the source apart from those of the engine. */
async function* counting(
  chunks: AsyncIterable<Buffer>,
  read: { bytes: number; error: unknown },
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of chunks) {
      read.bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    read.error = error;
    throw error;
  }
}

function unsound(error: unknown, name: string): unknown {
  const { code } = error as { readonly code?: unknown };
  if (code === 'Z_BUF_ERROR')
    return new UnsoundScript(`it is cut off: its ${name} stream has no end`);
  if (typeof code !== 'string' || !/^(?:Z_|ZSTD_)/.test(code)) return error;
  return new UnsoundScript(`its ${name} stream is damaged: ${messageOf(error)}`);
}

const followed = (name: string) => new UnsoundScript(`bytes follow the end of its ${name} stream`);
