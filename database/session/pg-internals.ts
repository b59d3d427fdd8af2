import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Client } from 'pg';

/**
 * The parts of node-postgres that Stowage uses and that its types leave out: all are named here.
 */
interface ClientInternals {
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly connection: ConnectionInternals;
  /** False from the start of a statement until the server is ready for the next. */
  readonly readyForQuery: boolean;
}

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}

export interface ConnectionInternals {
  /** The socket, or the TLS stream over it from the event `sslconnect` on. */
  readonly stream: Duplex;
  once(event: 'sslconnect' | 'end', listener: () => void): void;
  on(event: 'parameterStatus', listener: (status: ParameterStatus) => void): void;
  /** The server's ErrorResponse. */
  on(event: 'errorMessage', listener: (error: Error & { code?: string }) => void): void;
}

/** What a CancelRequest needs: the backend's process id and its secret. 0 before the connection. */
export interface BackendKey {
  readonly pid: number;
  readonly secretKey: number;
}

export function connectionOf(client: Client): ConnectionInternals {
  return (client as unknown as ClientInternals).connection;
}

export function backendKeyOf(client: Client): BackendKey {
  const { processID, secretKey } = client as unknown as ClientInternals;
  return { pid: processID ?? 0, secretKey: secretKey ?? 0 };
}

/**
 * To be called before the client connects. @returns the version that the server has told: 15.8 of
 * `15.8 (Debian 15.8-1)`, 9.4 of `9.4.26`.
 */
export function versionHeardBy(client: Client): () => number | undefined {
  let version: number | undefined;
  connectionOf(client).on('parameterStatus', ({ parameterName, parameterValue }) => {
    if (parameterName !== 'server_version') return;
    const number = Number.parseFloat(parameterValue);
    version = Number.isNaN(number) ? undefined : number;
  });
  return () => version;
}

/** True while the server has not answered the last statement completely. */
export function isAnswering(client: Client): boolean {
  return !(client as unknown as ClientInternals).readyForQuery;
}

/**
 * A value that changes with every byte that the connection sends or receives: of a write, when the
 * kernel has taken it.
 */
export function bytesOn(client: Client): string {
  const { bytesRead, bytesWritten, writableLength } = connectionOf(client).stream as Socket;
  return `${bytesRead} ${(bytesWritten ?? 0) - writableLength}`;
}

/** Bytes that the kernel has not taken yet: the server does not read. */
export function bytesUnsent(client: Client): number {
  return connectionOf(client).stream.writableLength;
}

/** What a submitted query uses to send the rows of COPY … FROM STDIN. */
export interface CopyingConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Uint8Array): void;
  endCopyFrom(): void;
  readonly stream: Duplex;
}

/** What node-postgres calls on a submitted query as the server's messages arrive. */
export interface QueryHandlers {
  handleRowDescription(): void;
  handleDataRow(): void;
  handlePortalSuspended(): void;
  handleEmptyQuery(): void;
  handleCommandComplete(message: { readonly text: string }): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
}
