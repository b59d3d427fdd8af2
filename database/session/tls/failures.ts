import { TLSSocket } from 'node:tls';
import type { Client } from 'pg';
import { messageOf, StowageError } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { connectionOf } from '../pg-internals.ts';
import { placeOf } from '../place.ts';
import { DEFAULT_SSL_MODE } from './modes.ts';

/** The answer `N` to SSLRequest, as node-postgres reports it. */
const NO_TLS = 'The server does not support SSL connections';
/** Any other answer than `S` and `N`. */
const BAD_ANSWER = 'There was an error establishing an SSL connection';

export function tlsError(target: ConnectionTarget, why: string, cause?: unknown): StowageError {
  return new StowageError('database/tls', `cannot connect to ${placeOf(target)}: ${why}`, {
    cause,
    ...(target.content === undefined ? {} : { where: { content: target.content } }),
  });
}

/** True when the server has no TLS, so that only a connection without it is possible. */
export function isWithoutTls(error: unknown): boolean {
  return error instanceof StowageError && error.code === 'database/tls'
    ? messageOf(error.cause) === NO_TLS
    : false;
}

/** The error of `client.connect()` when TLS is its cause; undefined for every other cause. */
export function tlsFailure(
  error: unknown,
  client: Client,
  target: ConnectionTarget,
): StowageError | undefined {
  const message = messageOf(error);
  const { sslmode = DEFAULT_SSL_MODE } = target;
  if (message === NO_TLS) {
    const why = `the server has no TLS (its setting ssl is off), and connection.sslmode is ${sslmode}: turn TLS on there, or set sslmode to prefer`;
    return tlsError(target, why, error);
  }
  if (message === BAD_ANSWER)
    return tlsError(target, 'it does not answer a request for TLS as PostgreSQL does', error);
  const code = codeOf(error);
  const { stream } = connectionOf(client);
  if (!(stream instanceof TLSSocket)) return undefined;
  // X509_V_ERR_… without its prefix, ERR_TLS_… and ERR_SSL_…; not ECONNRESET and its like.
  if (!/^(ERR_(SSL|TLS|OSSL)_|CERT_|CRL_|DEPTH_|SELF_SIGNED_|UNABLE_TO_|INVALID_|PATH_)/.test(code))
    return undefined;
  return tlsError(target, `${reasonFor(code, target)} (${message})`, error);
}

function reasonFor(code: string, { host, sslrootcert, sslmode }: ConnectionTarget): string {
  const root = sslrootcert === undefined ? '~/.postgresql/root.crt' : `"${sslrootcert}"`;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `the server's certificate is not for ${host}, which sslmode ${sslmode} requires`;
  if (/^(UNABLE_TO_|SELF_SIGNED_|DEPTH_)/.test(code))
    return `no authority in ${root} (connection.sslrootcert) has signed the server's certificate`;
  if (code.startsWith('ERR_SSL_') && code.includes('ALERT'))
    return 'the server rejected the TLS handshake, for example because of the client certificate (connection.sslcert)';
  return 'the TLS handshake failed';
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : '';
}
