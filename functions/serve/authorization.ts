import { createHash, timingSafeEqual } from 'node:crypto';

/**
 * Whether a request carries one of these secrets: as a bearer token, or as the password of HTTP
 * basic authentication with any user name. The latter is what a sender makes of the URL
 * `https://any:secret@host/`.
 */
export function isAuthorized(
  authorization: string | undefined,
  secrets: readonly string[],
): boolean {
  const presented = secretIn(authorization ?? '');
  // Compares digests of equal length, and always all of them, so that the time reveals no secret.
  const own = digest(presented ?? '');
  const matches = secrets.filter((secret) => timingSafeEqual(digest(secret), own));
  return presented !== undefined && matches.length > 0;
}

/** As `isAuthorized`, of a secret by itself. */
export function isSecret(presented: string, secret: string): boolean {
  return timingSafeEqual(digest(presented), digest(secret));
}

/** The user name of HTTP basic authentication: a claim, which nothing proves. */
export function nameIn(authorization: string | undefined): string | undefined {
  const [, value = ''] = /^basic +(\S+) *$/i.exec(authorization ?? '') ?? [];
  const [, name] = /^([^:]*):/s.exec(Buffer.from(value, 'base64').toString('utf8')) ?? [];
  return name === '' ? undefined : name;
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
