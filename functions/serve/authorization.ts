import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether a request carries one of these secrets: as a bearer token, or as the password of HTTP basic authentication with
 * any user name, which is what senders that can only be given a URL make of `https://any:secret@host/`.
 */
export function isAuthorized(
  authorization: string | undefined,
  secrets: readonly string[],
): boolean {
  const presented = secretIn(authorization ?? '');
  // Digests have the same length whatever was sent, and none is left out: the time taken says nothing about a secret.
  const own = digest(presented ?? '');
  const matches = secrets.filter((secret) => timingSafeEqual(digest(secret), own));
  return presented !== undefined && matches.length > 0;
}

function secretIn(authorization: string): string | undefined {
  const [, scheme = '', value = ''] = /^(bearer|basic) +(\S+) *$/i.exec(authorization) ?? [];
  if (scheme.toLowerCase() !== 'basic') return scheme === '' ? undefined : value;
  const [, password] = /^[^:]*:(.*)$/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? [];
  return password;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
