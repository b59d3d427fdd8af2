import { StowageError } from '../../../backup-set/base/errors.ts';
import { plural } from '../../../backup-set/base/words.ts';
import type { PartBuffers } from './buffers.ts';

export interface Part {
  /** From 1. */
  readonly number: number;
  /** A view of the filled part of `buffer`, which is given back when the part has arrived. */
  readonly bytes: Buffer;
  readonly buffer: Buffer;
  /** No part follows. A source without bytes gives one empty part. */
  readonly isLast: boolean;
}

/**
 * Copies a stream into parts of `bytesAt(number)` bytes. Only the last one is smaller; it is empty
 * only when the source is. A full part is yielded when the next byte has arrived, or the end.
 * @throws StowageError `storage/too-large` when the stream is longer than all parts that `bytesAt`
 * allows.
 */
export async function* intoParts(
  key: string,
  source: AsyncIterable<Uint8Array>,
  buffers: PartBuffers,
  bytesAt: (number: number) => number | undefined,
): AsyncGenerator<Part> {
  const begin = async (number: number) => {
    const bytes = bytesAt(number);
    if (bytes === undefined) throw tooManyBytes(key, number - 1);
    return { number, bytes, buffer: await buffers.take(bytes), filled: 0 };
  };
  const finish = (open: Awaited<ReturnType<typeof begin>>, isLast: boolean): Part => {
    const { number, buffer, filled } = open;
    return { number, bytes: buffer.subarray(0, filled), buffer, isLast };
  };
  let open = await begin(1);
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      if (open.filled === open.bytes) {
        yield finish(open, false);
        open = await begin(open.number + 1);
      }
      const piece = chunk.subarray(at, at + open.bytes - open.filled);
      open.buffer.set(piece, open.filled);
      open.filled += piece.length;
      at += piece.length;
    }
  }
  yield finish(open, true);
}

function tooManyBytes(key: string, parts: number): StowageError {
  return new StowageError(
    'storage/too-large',
    `${key} does not fit into ${plural(parts, 'part')}: raise storage.partBytes`,
    { where: { object: key } },
  );
}
