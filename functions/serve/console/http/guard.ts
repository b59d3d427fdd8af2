import type { Context, MiddlewareHandler } from 'hono';
import { errorBody } from './answer.ts';

/** No script, style, image or request from elsewhere; no frame around the page. */
export const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-frame-options': 'DENY',
  'cache-control': 'private, no-cache',
};

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i;

/**
 * Sets the headers of every answer. Without authentication it demands a Host of loopback: a foreign
 * site could give its own name the address 127.0.0.1, and read the answers as its own.
 */
export function guardConsole(isOpen: boolean): MiddlewareHandler {
  return async (c, next) => {
    const isForeign = isOpen && !LOOPBACK.test(c.req.header('host') ?? '');
    if (isForeign) c.res = c.json(errorBody('refused', REFUSED), 403);
    else if (isFromOtherSite(c)) c.res = c.json(errorBody('refused', OTHER_SITE), 403);
    else await next();
    for (const [name, value] of Object.entries(HEADERS)) c.res.headers.set(name, value);
  };
}

/** A page of another site cannot read the answer, but would make `serve` read the bucket. */
function isFromOtherSite(c: Context): boolean {
  const site = c.req.header('sec-fetch-site') ?? 'none';
  const isLink = c.req.header('sec-fetch-mode') === 'navigate';
  return !isLink && site !== 'none' && site !== 'same-origin';
}

const OTHER_SITE = 'the console does not answer to pages of other sites';
const REFUSED = 'without a secret, the console answers to localhost and 127.0.0.1 only';
