import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { interruptedError } from '../../async/abort.ts';
import { backOff } from '../../async/backoff.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { changed, notFound, tooLarge } from '../errors.ts';
import { type Range, rangeInside, wantedRange } from '../ranges.ts';
import type { CallOptions } from '../store.ts';
import type { S3 } from './client.ts';
import { failureOf } from './errors.ts';
import { plainEtag } from './etags.ts';
import { headObject, missingInResponse } from './head.ts';
import { request } from './request.ts';

type GetOptions = CallOptions & Range & { bytesMax?: number };

/** What the first answer said; every later one must agree. */
interface Opened {
  readonly body: Readable;
  readonly etag: string | undefined;
  /** Of the whole object. */
  readonly bytes: number;
}

/**
 * Streams a range of an object. A body that is reset, ends early or says nothing for `stallMs` is taken up where it
 * stopped, bound to the object first opened by its etag; so often in a row without a byte that it must end.
 */
export async function* getObject(
  s3: S3,
  key: string,
  options: GetOptions = {},
): AsyncGenerator<Uint8Array> {
  const { signal } = options;
  const doing = `reading ${key}`;
  const wanted = wantedRange(key, options);
  if (wanted.end === wanted.offset) return await checkEmptyRange(s3, key, options);
  let opened = await openBody(s3, key, { at: wanted.offset, end: wanted.end, signal });
  if (opened === undefined) return await checkEmptyRange(s3, key, options);
  const { etag, bytes } = opened;
  let at = wanted.offset;
  let end: number | undefined;
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (options.bytesMax !== undefined && bytes > options.bytesMax)
        throw tooLarge(key, bytes, options.bytesMax);
      end ??= rangeInside(key, bytes, options).end;
      for await (const chunk of withoutStalls(opened.body, s3.settings.stallMs, signal, doing)) {
        yield chunk;
        at += chunk.length;
        attempt = 1;
      }
      if (at === end) return;
      if (at > end)
        throw new StowageError(
          'storage/invalid',
          `${doing}: the server sent ${at - end} bytes too many`,
        );
      throw new BodyShort(`the body ended after ${at - wanted.offset} bytes`);
    } catch (error) {
      if (error instanceof StowageError) throw error;
      if (signal?.aborted) throw interruptedError(signal, doing);
      if (attempt >= s3.settings.attemptsMax) throw givenUp(error, doing, key, at);
    } finally {
      opened.body.destroy();
    }
    await backOff(attempt + 1, signal, doing);
    opened = await openBody(s3, key, { at, end, signal, etag });
    if (opened === undefined || opened.etag !== etag || opened.bytes !== bytes) {
      opened?.body.destroy();
      throw changed(key, 'its etag is another');
    }
  }
}

/** A body that ended before the length that was announced: a reset says so itself, this one looked complete. */
class BodyShort extends Error {
  override readonly name = 'BodyShort';
}

class BodyStalled extends Error {
  override readonly name = 'BodyStalled';
}

/** Undefined when the server says that no byte of the range is there (416). */
async function openBody(
  s3: S3,
  key: string,
  range: {
    at: number;
    end: number | undefined;
    signal?: AbortSignal | undefined;
    etag?: string | undefined;
  },
): Promise<Opened | undefined> {
  const { at, end, signal, etag } = range;
  const doing = `reading ${key}`;
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    ...((at > 0 || end !== undefined) && {
      Range: `bytes=${at}-${end === undefined ? '' : end - 1}`,
    }),
    ...(etag !== undefined && { IfMatch: `"${etag}"` }),
  };
  // The first byte has as long as any other; the body itself is watched chunk by chunk.
  const call = { doing, object: key, signal, longTimeout: true };
  try {
    const answer = await request(s3, call, (client, http) =>
      client.send(new GetObjectCommand(input), { ...http, requestTimeout: s3.settings.stallMs }),
    );
    const body = answer.Body as Readable | undefined;
    if (body === undefined) throw missingInResponse(doing, 'content', key);
    body.on('error', () => undefined);
    const bytes =
      answer.ContentRange === undefined ? answer.ContentLength : totalOf(answer.ContentRange, at);
    if (bytes === undefined || (answer.ContentRange === undefined && at > 0)) {
      body.destroy();
      throw missingInResponse(doing, 'range that was asked for', key);
    }
    return { body, etag: plainEtag(answer.ETag), bytes };
  } catch (error) {
    const { status } = failureOf(error instanceof Error ? error.cause : undefined);
    if (status === 416) return undefined;
    if (status === 412) throw changed(key, 'its etag is another', error);
    throw error;
  }
}

/** From `bytes 0-99/1234`; undefined when the range does not start where it was asked to. */
function totalOf(contentRange: string, at: number): number | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange) ?? [];
  return Number(start) === at ? Number(total) : undefined;
}

/** No request can ask for no bytes: whether the range is inside the object, its size tells. */
async function checkEmptyRange(s3: S3, key: string, options: GetOptions): Promise<void> {
  const found = await headObject(s3, key, options);
  if (found === undefined) throw notFound(key, s3.url);
  const { offset, end } = rangeInside(key, found.bytes, options);
  if (end > offset) throw changed(key, `it has ${found.bytes} bytes now`);
}

/** Passes a body on; ends it when it says nothing for `stallMs`. Time the consumer takes is not counted. */
async function* withoutStalls(
  body: Readable,
  stallMs: number,
  signal: AbortSignal | undefined,
  doing: string,
): AsyncGenerator<Uint8Array> {
  const watch = () =>
    setTimeout(() => body.destroy(new BodyStalled(`nothing came for ${stallMs} ms`)), stallMs);
  const end = () => body.destroy(signal && interruptedError(signal, doing));
  signal?.addEventListener('abort', end, { once: true });
  let timer = watch();
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      yield chunk;
      timer = watch();
    }
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

function givenUp(error: unknown, doing: string, key: string, offset: number): StowageError {
  const code = error instanceof BodyShort ? 'storage/invalid' : 'storage/unavailable';
  return new StowageError(code, `${doing}: gave up at byte ${offset}: ${messageOf(error)}`, {
    cause: error,
    where: { object: key, offset },
  });
}

export async function readObject(
  s3: S3,
  key: string,
  options: CallOptions & { bytesMax: number },
): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(getObject(s3, key, options)));
}
