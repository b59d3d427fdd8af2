import type { ConnectionOptions } from 'node:tls';
import { isStowageError } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { sqlStateOf } from '../database-error.ts';
import { isWithoutTls } from './failures.ts';
import { type TlsFiles, tlsFiles } from './files.ts';
import { DEFAULT_SSL_MODE, isWeak, type SslMode } from './modes.ts';
import { tlsOptions } from './options.ts';

/** `false`: without TLS. */
export type Encryption = ConnectionOptions | false;

type Way = 'tls' | 'plain';
const WAYS: Readonly<Record<SslMode, readonly Way[]>> = {
  disable: ['plain'],
  allow: ['plain', 'tls'],
  prefer: ['tls', 'plain'],
  require: ['tls'],
  'verify-ca': ['tls'],
  'verify-full': ['tls'],
};

/** pg_hba.conf has no line for a connection of this kind. A wrong password is 28P01. */
const NOT_ADMITTED = '28000';

/**
 * Opens a connection as libpq does for the target's mode: with `prefer`, one without TLS when the
 * server has none, when the handshake fails, or when pg_hba.conf rejects TLS.
 */
export async function openByMode<T>(
  target: ConnectionTarget,
  open: (encryption: Encryption) => Promise<T>,
): Promise<T> {
  const ways = waysOf(target);
  const tls = ways.includes('tls') ? await orNone(target, tlsOptions(target)) : undefined;
  const usable = tls === undefined ? ways.filter((way) => way === 'plain') : ways;
  const by = (way: Way | undefined) => open(way === 'tls' && tls !== undefined ? tls : false);
  const [first, second] = usable;
  try {
    return await by(first);
  } catch (error) {
    if (second === undefined || !permitsOther(first, error)) throw error;
    return await by(second).catch((later: unknown) => {
      // "no TLS" says nothing when the server then gives its reason without TLS.
      throw isWithoutTls(error) || sqlStateOf(later) !== NOT_ADMITTED ? later : error;
    });
  }
}

/** As libpq, a weak mode ignores files of ~/.postgresql that cannot be used. */
function orNone<T>(target: ConnectionTarget, files: Promise<T>): Promise<T | undefined> {
  const { sslmode = DEFAULT_SSL_MODE, sslrootcert, sslcert, sslkey } = target;
  const named = sslrootcert ?? sslcert ?? sslkey;
  return isWeak(sslmode) && named === undefined ? files.catch(() => undefined) : files;
}

/** PostgreSQL has no TLS on Unix-domain sockets, and libpq ignores the mode there. */
function waysOf({ host, sslmode = DEFAULT_SSL_MODE }: ConnectionTarget): readonly Way[] {
  return host.startsWith('/') ? ['plain'] : WAYS[sslmode];
}

function permitsOther(tried: Way | undefined, error: unknown): boolean {
  if (sqlStateOf(error) === NOT_ADMITTED) return true;
  return tried === 'tls' && isStowageError(error, 'database/tls');
}

/**
 * The same mode and files for PostgreSQL's programs. The key is opened here first: libpq would wait
 * at the terminal for its passphrase. @throws StowageError `database/tls`.
 */
export async function tlsEnvironment(target: ConnectionTarget): Promise<NodeJS.ProcessEnv> {
  // Our sessions have no GSSAPI encryption, which libpq would prefer to TLS.
  const environment = (sslmode: SslMode, files: TlsFiles) => ({
    PGGSSENCMODE: 'disable',
    PGSSLMODE: sslmode,
    ...(files.rootCert !== undefined && { PGSSLROOTCERT: files.rootCert }),
    ...(files.client !== undefined && {
      PGSSLCERT: files.client.cert,
      PGSSLKEY: files.client.key,
    }),
  });
  const { sslmode = DEFAULT_SSL_MODE } = target;
  if (!waysOf(target).includes('tls')) return environment(sslmode, {});
  const usable = await orNone(target, tlsOptions(target));
  return usable === undefined
    ? environment('disable', {})
    : environment(sslmode, await tlsFiles(target));
}
