import { StowageError } from '../backup-set/base/errors.ts';

export interface Range {
  readonly offset?: number;
  readonly length?: number;
}

/** Where a wanted range starts, and where it ends (exclusive) when that was said. */
export function wantedRange(
  key: string,
  range: Range,
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
    `${range.length} bytes from ${range.offset} of ${key} is no range`,
  );
}

/**
 * Where a wanted range starts and ends (exclusive) inside an object of `bytes` bytes.
 * @throws StowageError `storage/invalid` when the object is shorter than the range.
 */
export function rangeInside(
  key: string,
  bytes: number,
  range: Range,
): { offset: number; end: number } {
  const { offset, end = Math.max(bytes, offset) } = wantedRange(key, range);
  if (end <= bytes) return { offset, end };
  throw new StowageError('storage/invalid', `${key} has ${bytes} bytes where ${end} are needed`, {
    where: { object: key, offset: bytes },
  });
}

/**
 * Passes a stream on and throws before its end when it did not have `bytes` bytes: an upload fed from it then leaves
 * nothing behind.
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
  if (seen !== bytes) throw changed(key, `it had ${bytes} bytes, then ${seen}`);
}

export function changed(key: string, how: string, cause?: unknown): StowageError {
  return new StowageError('storage/changed', `${key} changed while it was read: ${how}`, {
    cause,
    where: { object: key },
  });
}

export function tooLarge(key: string, bytes: number, bytesMax: number): StowageError {
  return new StowageError(
    'storage/too-large',
    `${key} has ${bytes} bytes, more than the ${bytesMax} allowed here`,
    {
      where: { object: key },
    },
  );
}

export function notFound(key: string, url: string, cause?: unknown): StowageError {
  return new StowageError('storage/not-found', `there is no object ${key} in ${url}`, {
    cause,
    where: { object: key },
  });
}
