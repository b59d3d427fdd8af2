import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, isIP } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import { createAdaptorServer } from '@hono/node-server';
import type { Hono } from 'hono';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';

/** PEM texts. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** When given, only clients with a certificate of this authority get a word in. */
  readonly clientCa?: string;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A socket that somebody else listens on already, instead of host and port. */
  readonly fd?: number;
  readonly tls?: Tls;
  /** True when senders are asked for a secret. */
  readonly hasSecret: boolean;
}

export interface Listening {
  readonly url: string;
  /** Certificates for the connections from now on. @throws StowageError `config/invalid`; the old ones stay then. */
  renew(tls: Tls): void;
  /** Takes no more connections; resolves when those that are open have ended. */
  close(): Promise<void>;
  closeConnections(): void;
}

/** A sender that takes longer to send its small body would hold a connection for nothing. */
const REQUEST_MS = 30_000;
/** Each may hold a body of a megabyte while it is read. Ceph and MinIO keep some dozens. */
const CONNECTIONS_MAX = 512;

/**
 * Listens on an address.
 * @throws StowageError `config/invalid` when that is not possible, or when others than this machine would reach a server
 * that asks for neither a secret nor a certificate.
 */
export async function listen(app: Hono, options: ListenOptions): Promise<Listening> {
  const { tls, fd } = options;
  const isAuthenticated = options.hasSecret || tls?.clientCa !== undefined;
  // Said before anything listens, where it can be; a name, or a socket of others, tells its address later.
  if (fd === undefined && isIP(options.host) !== 0)
    requireAuthentication(options.host, isAuthenticated);
  const server = newServer(app, tls);
  server.maxConnections = CONNECTIONS_MAX;
  try {
    server.listen(fd === undefined ? { host: options.host, port: options.port } : { fd });
    await once(server, 'listening');
  } catch (cause) {
    const where = fd === undefined ? `${options.host}:${options.port}` : `file descriptor ${fd}`;
    throw new StowageError('config/invalid', `cannot listen on ${where}: ${messageOf(cause)}`, {
      cause,
      where: { field: 'serve.port' },
    });
  }
  const bound = server.address() as AddressInfo | string;
  // No request is read before this: connections that came in between wait for the next turn of the event loop.
  try {
    // A socket in the file system is guarded by its rights there.
    if (typeof bound !== 'string') requireAuthentication(bound.address, isAuthenticated);
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    url: `${tls === undefined ? 'http' : 'https'}://${hostOf(bound)}`,
    renew: (renewed) => renew(server, renewed),
    close: () => new Promise((resolve) => server.close(() => resolve())),
    closeConnections: () => server.closeAllConnections(),
  };
}

function hostOf(bound: AddressInfo | string): string {
  if (typeof bound === 'string') return encodeURIComponent(bound);
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

function newServer(app: Hono, tls: Tls | undefined): Server {
  const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS };
  const { fetch } = app;
  if (tls === undefined) return createAdaptorServer({ fetch, serverOptions: timeouts }) as Server;
  const asking = tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  try {
    return createAdaptorServer({
      fetch,
      createServer: createSecureServer,
      serverOptions: { ...timeouts, ...asking, ...secureContext(tls) },
    }) as Server;
  } catch (cause) {
    throw badCertificate(cause);
  }
}

function renew(server: Server, tls: Tls): void {
  if (!('setSecureContext' in server) || typeof server.setSecureContext !== 'function') return;
  try {
    server.setSecureContext(secureContext(tls));
  } catch (cause) {
    throw badCertificate(cause);
  }
}

function secureContext({ cert, key, clientCa }: Tls): SecureContextOptions {
  return { cert, key, minVersion: 'TLSv1.2', ...(clientCa === undefined ? {} : { ca: clientCa }) };
}

function badCertificate(cause: unknown): StowageError {
  const message = `serve.tlsCert, serve.tlsKey or serve.clientCa cannot be used: ${messageOf(cause)}`;
  return new StowageError('config/invalid', message, { cause, where: { field: 'serve.tlsCert' } });
}

function requireAuthentication(address: string, isAuthenticated: boolean): void {
  const isLoopback = address === '::1' || /^(::ffff:)?127\./.test(address);
  if (isLoopback || isAuthenticated) return;
  throw new StowageError(
    'config/invalid',
    `${address} is reached from other machines, and nothing tells friend from foe there: ` +
      'give a secret (--token-file, or STOWAGE_EVENTS_TOKEN) or ask for certificates (--client-ca)',
    { where: { field: 'serve.tokenFile' } },
  );
}
