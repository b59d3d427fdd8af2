import { StowageError } from '../backup-set/base/errors.ts';
import { count, plural } from '../backup-set/base/words.ts';
import { changed } from './errors.ts';
import type { ByteRange } from './store.ts';

/** The start of a requested range, and its end (exclusive) when the range has a length. */
export function wantedRange(
  key: string,
  range: ByteRange,
): { offset: number; end: number | undefined } {
  const offset = range.offset ?? 0;
  const end = range.length === undefined ? undefined : offset + range.length;
  const isRange =
    Number.isSafeInteger(offset) &&
    offset >= 0 &&
    (end === undefined || (Number.isSafeInteger(end) && end >= offset));
  if (isRange) return { offset, end };
  throw new StowageError(
    'internal',
    `offset ${range.offset}, length ${range.length} is not a valid range of ${key}`,
  );
}

/**
 * The start and end (exclusive) of a requested range inside an object of `bytes` bytes.
 * @throws StowageError `storage/invalid` when the object is shorter than the range.
 */
export function rangeInside(
  key: string,
  bytes: number,
  range: ByteRange,
): { offset: number; end: number } {
  const { offset, end = Math.max(bytes, offset) } = wantedRange(key, range);
  if (end <= bytes) return { offset, end };
  throw new StowageError(
    'storage/invalid',
    `${key} has ${plural(bytes, 'byte')}, but ${count(end)} are needed`,
    {
      where: { object: key, offset: bytes },
    },
  );
}

/**
 * Passes a stream on and throws at its end when it did not have `bytes` bytes. An upload that reads
 * it then fails and stores no object.
 * @throws StowageError `storage/changed`.
 */
export async function* exactly(
  key: string,
  bytes: number,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.length;
    yield chunk;
  }
  if (seen !== bytes) throw changed(key, `it had ${plural(bytes, 'byte')}, then ${count(seen)}`);
}
