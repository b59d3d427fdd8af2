import * as z from 'zod';

/** libpq's modes. */
export const SslMode = z.enum([
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
]);
export type SslMode = z.infer<typeof SslMode>;

/** As in libpq: it works with servers that have no TLS, and encrypts with all others. */
export const DEFAULT_SSL_MODE: SslMode = 'prefer';

/** These may end in a connection without TLS, so a certificate that they check proves nothing. */
export function isWeak(mode: SslMode): boolean {
  return mode === 'allow' || mode === 'prefer';
}

/** The value of `sslrootcert` for the authorities that the operating system trusts. */
export const SYSTEM_AUTHORITIES = 'system';
