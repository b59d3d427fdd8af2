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
  /** When given, clients without a certificate of this authority are rejected. */
  readonly clientCa?: string | undefined;
}

export interface ListenOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A listening socket that was passed to this process (systemd), instead of host and port. */
  readonly fd?: number | undefined;
  readonly tls?: Tls | undefined;
  /** True when senders must present a secret. */
  readonly hasSecret: boolean;
}

export interface Listening {
  readonly url: string;
  /**
   * Replaces the certificates for new connections.
   * @throws StowageError `config/invalid`; the old certificates stay in use.
   */
  renew(tls: Tls): void;
  /** Accepts no more connections; resolves when the open ones have ended. */
  close(): Promise<void>;
  closeConnections(): void;
}

/** Bodies are small: a sender that takes longer has stalled, and would hold a connection. */
const REQUEST_MS = 30_000;
/** Each can hold a body of 1 MiB in memory. Ceph and MinIO keep some dozens open. */
const CONNECTIONS_MAX = 512;

/**
 * Listens on an address.
 * @throws StowageError `serve/listen` when that fails; `config/invalid` when other machines can
 * reach the address and the server requires neither a secret nor a client certificate.
 */
export async function listen(app: Hono, options: ListenOptions): Promise<Listening> {
  const { tls, fd } = options;
  const isAuthenticated = options.hasSecret || tls?.clientCa !== undefined;
  // Checked before listening where possible: a host name or passed socket has no address yet.
  if (fd === undefined && isIP(options.host) !== 0)
    requireAuthentication(options.host, isAuthenticated);
  const server = newServer(app, tls);
  server.maxConnections = CONNECTIONS_MAX;
  try {
    server.listen(fd === undefined ? { host: options.host, port: options.port } : { fd });
    await once(server, 'listening');
  } catch (cause) {
    const where = fd === undefined ? `${options.host}:${options.port}` : `file descriptor ${fd}`;
    throw new StowageError('serve/listen', `cannot listen on ${where}: ${listenFailure(cause)}`, {
      cause,
      where: { field: 'serve.port' },
    });
  }
  const bound = server.address() as AddressInfo | string;
  // No request is read before this check: reading starts in the next turn of the event loop.
  try {
    // File permissions protect a Unix socket.
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

function listenFailure(cause: unknown): string {
  const isTaken = cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE';
  return isTaken ? 'another process uses the port (EADDRINUSE)' : messageOf(cause);
}

function hostOf(bound: AddressInfo | string): string {
  if (typeof bound === 'string') return encodeURIComponent(bound);
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

function newServer(app: Hono, tls: Tls | undefined): Server {
  const timeouts = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS };
  const { fetch } = app;
  if (tls === undefined) return createAdaptorServer({ fetch, serverOptions: timeouts }) as Server;
  const clientAuth =
    tls.clientCa === undefined ? {} : { requestCert: true, rejectUnauthorized: true };
  try {
    return createAdaptorServer({
      fetch,
      createServer: createSecureServer,
      serverOptions: { ...timeouts, ...clientAuth, ...secureContext(tls) },
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
  return { cert, key, minVersion: 'TLSv1.2', ca: clientCa };
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
    `${address} can be reached from other machines, and clients need no secret or certificate: ` +
      'set a secret (--token-file, STOWAGE_EVENTS_TOKEN) or require certificates (--client-ca)',
    { where: { field: 'serve.tokenFile' } },
  );
}
