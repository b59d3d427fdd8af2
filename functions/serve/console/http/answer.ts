import { createHash } from 'node:crypto';
import type { Context } from 'hono';
import { ERRORS, isStowageError, StowageError } from '../../../../backup-set/base/errors.ts';
import type { ApiError } from '../api.ts';

const MESSAGE_CHARS_MAX = 2000;

/** What is asked for does not exist, is no question, or is not allowed. */
export class BadRequest extends Error {
  readonly status: 400 | 403 | 404 | 409 | 429;
  readonly code: 'usage' | 'refused';
  constructor(status: BadRequest['status'], message: string) {
    super(message);
    this.status = status;
    this.code = status === 400 || status === 404 ? 'usage' : 'refused';
  }
}

/** A text with an ETag of its bytes; 304 when the client has them. */
export function taggedAnswer(c: Context, body: string, type: string): Response {
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const known = (c.req.header('if-none-match') ?? '').split(',').map((tag) => tag.trim());
  if (known.includes(etag)) return c.body(null, 304, { etag });
  return c.body(body, 200, { etag, 'content-type': `${type}; charset=UTF-8` });
}

export const jsonAnswer = (c: Context, value: unknown): Response =>
  taggedAnswer(c, JSON.stringify(value), 'application/json');

/** Undefined for a failure that is not of the store or a document: a bug. */
export function failureAnswer(c: Context, error: unknown): Response | undefined {
  if (!(error instanceof StowageError)) return undefined;
  const { code, message } = error;
  const status = isStowageError(error, 'set/not-found')
    ? 404
    : code.startsWith('storage/')
      ? 502
      : 422;
  return c.json(errorBody(code, message, ERRORS[error.code].hint), status);
}

export function errorBody(code: string, message: string, hint?: string): ApiError {
  const text = message.slice(0, MESSAGE_CHARS_MAX);
  return { error: { code, message: text, ...(hint !== undefined && { hint }) } };
}
