import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { messageOf } from '../../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../../flavour.ts';
import { tlsError } from './failures.ts';
import { type TlsFiles, tlsFiles } from './files.ts';

/**
 * What a connection with TLS verifies and presents. As in libpq, a root certificate makes every
 * mode verify the server's certificate; only verify-full compares the name of the host.
 * @throws StowageError `database/tls`.
 */
export async function tlsOptions(target: ConnectionTarget): Promise<ConnectionOptions> {
  const files = await tlsFiles(target);
  const isNamed = target.sslmode === 'verify-full';
  return {
    secureContext: await contextOf(target, files),
    rejectUnauthorized: files.rootCert !== undefined,
    ...(isNamed ? {} : { checkServerIdentity: () => undefined }),
  };
}

async function contextOf(target: ConnectionTarget, { rootCert, crl, client }: TlsFiles) {
  const cannot = (path: string, error: unknown) =>
    tlsError(target, `cannot use ${path} for TLS: ${messageOf(error)}`, error);
  const read = (path: string) =>
    readFile(path, 'utf8').catch((error: unknown) => {
      throw cannot(path, error);
    });
  const ca = rootCert === undefined ? undefined : await read(rootCert);
  const cert = client === undefined ? undefined : await read(client.cert);
  const key = client === undefined ? undefined : await read(client.key);
  const certificate = (path: string | undefined, text: string | undefined) => {
    try {
      return text === undefined ? undefined : new X509Certificate(text);
    } catch (error) {
      throw cannot(path ?? '', error);
    }
  };
  certificate(rootCert, ca);
  const own = certificate(client?.cert, cert);
  if (client !== undefined && own !== undefined && key !== undefined) {
    const opened = privateKey(target, client.key, key);
    if (!own.checkPrivateKey(opened))
      throw tlsError(target, `the key ${client.key} does not belong to ${client.cert}`);
  }
  try {
    return createSecureContext({
      ...(ca !== undefined && { ca }),
      ...(crl !== undefined && { crl: await read(crl) }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    });
  } catch (error) {
    throw cannot([rootCert, crl, client?.cert].filter(Boolean).join(', '), error);
  }
}

function privateKey(target: ConnectionTarget, path: string, pem: string) {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const isEncrypted = error instanceof Error && 'code' in error && isPassphrase(error.code);
    const why = isEncrypted
      ? 'it is protected by a passphrase, and Stowage cannot ask for one: store the key without it, readable for this user only'
      : messageOf(error);
    throw tlsError(target, `cannot use the key ${path} (connection.sslkey): ${why}`, error);
  }
}

const isPassphrase = (code: unknown) =>
  code === 'ERR_MISSING_PASSPHRASE' || code === 'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED';
