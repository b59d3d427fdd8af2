import type { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { interruptedError, onAbort, throwIfInterrupted } from '../../async/abort.ts';
import { backOff } from '../../async/backoff.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { plural } from '../../backup-set/base/words.ts';
import { changed, notFound, tooLarge } from '../errors.ts';
import { rangeInside, wantedRange } from '../ranges.ts';
import type { ByteRange, CallOptions } from '../store.ts';
import type { S3 } from './connection/client.ts';
import { request } from './connection/request.ts';
import { failureOf } from './errors.ts';
import { plainEtag } from './etags.ts';
import { headObject, missingInResponse } from './head.ts';

type GetOptions = CallOptions & ByteRange & { readonly bytesMax?: number | undefined };

/** The first response; every later one must have the same ETag and size. */
interface OpenBody {
  readonly body: Readable;
  readonly etag: string | undefined;
  /** Of the whole object. */
  readonly bytes: number;
}

/**
 * Streams a range of an object. After a reset, an early end or a stall of `stallMs`, it continues
 * where the body stopped, with a condition on the ETag of the object first opened. It fails after
 * `attemptsMax` attempts in a row without a byte.
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
      for await (const chunk of failingOnStall(opened.body, s3.settings.stallMs, signal, doing)) {
        yield chunk;
        at += chunk.length;
        attempt = 1;
      }
      if (at === end) return;
      if (at > end)
        throw new StowageError(
          'storage/invalid',
          `${doing}: the server sent ${plural(at - end, 'byte')} more than requested`,
        );
      throw new BodyShort(`the body ended after ${plural(at - wanted.offset, 'byte')}`);
    } catch (error) {
      if (error instanceof StowageError) throw error;
      throwIfInterrupted(signal, doing);
      if (attempt >= s3.settings.attemptsMax) throw readFailed(error, doing, key, at);
    } finally {
      opened.body.destroy();
    }
    await backOff(attempt + 1, signal, doing);
    opened = await openBody(s3, key, { at, end, signal, etag });
    if (opened === undefined || opened.etag !== etag || opened.bytes !== bytes) {
      opened?.body.destroy();
      throw changed(key, 'its ETag or size differs');
    }
  }
}

/** The body ended before its announced length. Unlike a reset, this looked like a normal end. */
class BodyShort extends Error {
  override readonly name = 'BodyShort';
}

class BodyStalled extends Error {
  override readonly name = 'BodyStalled';
}

/** Undefined when the server answers that the object has no byte of the range (HTTP 416). */
async function openBody(
  s3: S3,
  key: string,
  range: {
    at: number;
    end: number | undefined;
    signal?: AbortSignal | undefined;
    etag?: string | undefined;
  },
): Promise<OpenBody | undefined> {
  const { at, end, signal, etag } = range;
  const doing = `reading ${key}`;
  const isWhole = at === 0 && end === undefined;
  const input = {
    Bucket: s3.bucket,
    Key: s3.prefix + key,
    Range: isWhole ? undefined : `bytes=${at}-${end === undefined ? '' : end - 1}`,
    IfMatch: etag === undefined ? undefined : `"${etag}"`,
  };
  // `requestTimeout` bounds the wait for the response; failingOnStall watches the body.
  const call = { doing, object: key, signal, longTimeout: true };
  try {
    const response = await request(s3, call, (client, http) =>
      client.send(new GetObjectCommand(input), { ...http, requestTimeout: s3.settings.stallMs }),
    );
    const body = response.Body as Readable | undefined;
    if (body === undefined) throw missingInResponse(doing, 'content', key);
    body.on('error', () => undefined);
    const { ContentRange, ContentLength } = response;
    const bytes = ContentRange === undefined ? ContentLength : totalOf(ContentRange, at);
    if (bytes === undefined || (ContentRange === undefined && at > 0)) {
      body.destroy();
      throw missingInResponse(doing, 'range that was requested', key);
    }
    return { body, etag: plainEtag(response.ETag), bytes };
  } catch (error) {
    const { status } = failureOf(error instanceof Error ? error.cause : undefined);
    if (status === 416) return undefined;
    if (status === 412) throw changed(key, 'its ETag differs', error);
    throw error;
  }
}

/** The total of `bytes 0-99/1234`; undefined when the range does not start at `at`. */
function totalOf(contentRange: string, at: number): number | undefined {
  const [, start, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange) ?? [];
  return Number(start) === at ? Number(total) : undefined;
}

/** HTTP has no range of zero bytes: the size of the object shows whether the range is inside it. */
async function checkEmptyRange(s3: S3, key: string, options: GetOptions): Promise<void> {
  const found = await headObject(s3, key, options);
  if (found === undefined) throw notFound(key, s3.url);
  const { offset, end } = rangeInside(key, found.bytes, options);
  if (end > offset) throw changed(key, `it has ${plural(found.bytes, 'byte')} now`);
}

/**
 * Passes a body on; fails when it sends nothing for `stallMs`. The consumer's time does not count.
 */
async function* failingOnStall(
  body: Readable,
  stallMs: number,
  signal: AbortSignal | undefined,
  doing: string,
): AsyncGenerator<Uint8Array> {
  const watch = () =>
    setTimeout(
      () => body.destroy(new BodyStalled(`no byte was received for ${stallMs} ms`)),
      stallMs,
    );
  using _ = onAbort(signal, () => body.destroy(signal && interruptedError(signal, doing)));
  let timer = watch();
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer);
      yield chunk;
      timer = watch();
    }
  } finally {
    clearTimeout(timer);
  }
}

function readFailed(error: unknown, doing: string, key: string, offset: number): StowageError {
  const code = error instanceof BodyShort ? 'storage/invalid' : 'storage/unavailable';
  return new StowageError(code, `${doing} failed at byte ${offset}: ${messageOf(error)}`, {
    cause: error,
    where: { object: key, offset },
  });
}

export async function readObject(
  s3: S3,
  key: string,
  options: CallOptions & { readonly bytesMax: number },
): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(getObject(s3, key, options)));
}
