import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { zstdFrames } from './zstd-frames.ts';

const GZIP = Buffer.from([0x1f, 0x8b]);
const ZSTD = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const PARQUET = Buffer.from('PAR1');

/** What the first bytes of a file say, not its name. */
export type Kind = 'plain' | 'gzip' | 'zstd' | 'parquet';

/** A file, or standard input for `-`, and what kind it is of. */
export interface OpenedFile {
  readonly kind: Kind;
  /** Decompressed. Its errors name the file. */
  readonly bytes: AsyncIterable<Uint8Array>;
}

/** @throws StowageError `file/unusable`. */
export async function openFile(path: string): Promise<OpenedFile> {
  const source = path === '-' ? process.stdin : createReadStream(path);
  const iterator = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let front = Buffer.alloc(0);
  try {
    while (front.length < PARQUET.length) {
      const next = await iterator.next();
      if (next.done === true) break;
      front = Buffer.concat([front, next.value]);
    }
  } catch (cause) {
    throw unusable(path, cause);
  }
  const kind = kindOf(front);
  if (kind === 'parquet') source.destroy();
  return { kind, bytes: decompressed(path, kind, wholeOf(path, front, iterator)) };
}

function kindOf(front: Buffer): Kind {
  const begins = (magic: Buffer) => front.subarray(0, magic.length).equals(magic);
  if (begins(GZIP)) return 'gzip';
  if (begins(ZSTD)) return 'zstd';
  return begins(PARQUET) ? 'parquet' : 'plain';
}

async function* wholeOf(
  path: string,
  front: Buffer,
  iterator: AsyncIterator<Buffer>,
): AsyncGenerator<Uint8Array> {
  yield front;
  try {
    yield* { [Symbol.asyncIterator]: () => iterator };
  } catch (cause) {
    throw unusable(path, cause);
  }
}

async function* decompressed(
  path: string,
  kind: Kind,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  if (kind === 'plain' || kind === 'parquet') {
    yield* source;
    return;
  }
  try {
    yield* kind === 'gzip' ? gunzipped(source) : zstdFrames(source);
  } catch (cause) {
    if (cause instanceof StowageError) throw cause;
    const message = `file ${path} cannot be decompressed (${kind}): ${messageOf(cause)}`;
    throw new StowageError('import/failed', message, { cause, where: { field: 'file' } });
  }
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const stream = createGunzip();
  const pumping = pipeline(Readable.from(source), stream);
  pumping.catch(() => undefined);
  try {
    yield* stream as AsyncIterable<Uint8Array>;
    await pumping;
  } finally {
    stream.destroy();
  }
}

function unusable(path: string, cause: unknown): StowageError {
  return new StowageError('file/unusable', `cannot read file ${path}: ${messageOf(cause)}`, {
    cause,
    where: { field: 'file' },
  });
}
