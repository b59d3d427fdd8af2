import { access, constants, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { tlsError } from './failures.ts';
import { DEFAULT_SSL_MODE, SYSTEM_AUTHORITIES } from './modes.ts';

/** The files of this host that a connection with TLS uses: paths. */
export interface TlsFiles {
  /** Absent: the server's certificate is not verified. */
  readonly rootCert?: string;
  /** Revoked certificates. */
  readonly crl?: string;
  readonly client?: { readonly cert: string; readonly key: string };
}

/** Where Linux distributions keep the bundle of trusted authorities. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * The target's files, or libpq's in ~/.postgresql. Our sessions and PostgreSQL's programs get the
 * same paths, so that both trust the same servers.
 * @throws StowageError `database/tls` naming the file that is missing or that libpq would reject.
 */
export async function tlsFiles(
  target: ConnectionTarget,
  env: NodeJS.ProcessEnv = process.env,
): Promise<TlsFiles> {
  const usual = (name: string) => join(env['HOME'] || homedir(), '.postgresql', name);
  const rootCert = await rootCertOf(target, usual('root.crt'), env);
  const crl = rootCert !== undefined && (await exists(usual('root.crl')));
  const client = await clientOf(target, usual('postgresql.crt'), usual('postgresql.key'));
  return {
    ...(rootCert !== undefined && { rootCert }),
    ...(crl && { crl: usual('root.crl') }),
    ...(client !== undefined && { client }),
  };
}

async function rootCertOf(
  target: ConnectionTarget,
  usual: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const { sslmode = DEFAULT_SSL_MODE, sslrootcert } = target;
  if (sslrootcert === SYSTEM_AUTHORITIES) return systemBundle(target, env);
  if (sslrootcert !== undefined) {
    await mustRead(target, 'connection.sslrootcert', sslrootcert);
    return sslrootcert;
  }
  if (await exists(usual)) return usual;
  if (!sslmode.startsWith('verify')) return undefined;
  throw tlsError(
    target,
    `sslmode ${sslmode} needs the certificate of an authority, and ${usual} does not exist: set connection.sslrootcert to a file, or to "${SYSTEM_AUTHORITIES}" for the authorities of the operating system`,
  );
}

/** A file, because libpq before version 16 does not know the word `system`. */
async function systemBundle(target: ConnectionTarget, env: NodeJS.ProcessEnv): Promise<string> {
  const named = env['SSL_CERT_FILE'];
  const places = named === undefined || named === '' ? SYSTEM_BUNDLES : [named];
  for (const place of places) if (await exists(place)) return place;
  throw tlsError(
    target,
    `connection.sslrootcert is "${SYSTEM_AUTHORITIES}", and this host has none of ${places.join(', ')}: install its package ca-certificates, or name a file`,
  );
}

async function clientOf(
  target: ConnectionTarget,
  usualCert: string,
  usualKey: string,
): Promise<{ cert: string; key: string } | undefined> {
  const { sslcert, sslkey } = target;
  if (sslcert === undefined && sslkey === undefined && !(await exists(usualCert))) return undefined;
  const cert = sslcert ?? usualCert;
  const key = sslkey ?? usualKey;
  await mustRead(target, 'connection.sslcert', cert);
  await mustRead(target, 'connection.sslkey', key);
  await checkMode(target, key);
  return { cert, key };
}

/** libpq's rule. Without it our sessions would work, and pg_dump would then fail. */
async function checkMode(target: ConnectionTarget, key: string): Promise<void> {
  const { mode, uid } = await stat(key);
  const forbidden = uid === 0 ? 0o037 : 0o077;
  if ((mode & forbidden) === 0) return;
  throw tlsError(
    target,
    `other users may read or change the key ${key} (mode ${(mode & 0o777).toString(8)}), so libpq rejects it: run chmod 600 on it`,
  );
}

async function mustRead(target: ConnectionTarget, field: string, path: string): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw new Error('it is not a file');
    await access(path, constants.R_OK);
  } catch (error) {
    throw tlsError(target, `cannot read ${path} (${field}): ${messageOf(error)}`, error);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
