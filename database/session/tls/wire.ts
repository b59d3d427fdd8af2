import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Client } from 'pg';
import { connectionOf } from '../pg-internals.ts';

/** What a connection is between this process and the server. */
export interface Wire {
  readonly encrypted: boolean;
  /** False for a Unix-domain socket and for an address of this host. */
  readonly leavesHost: boolean;
  /** e.g. `TLSv1.3` */
  readonly protocol?: string;
}

export function wireOf(client: Client): Wire {
  const { stream } = connectionOf(client);
  const protocol = stream instanceof TLSSocket ? stream.getProtocol() : undefined;
  return {
    encrypted: stream instanceof TLSSocket,
    leavesHost: stream instanceof Socket && leavesHost(stream),
    ...(protocol && { protocol }),
  };
}

/** A Unix-domain socket has no address. */
function leavesHost({ localAddress, remoteAddress }: Socket): boolean {
  if (remoteAddress === undefined || remoteAddress === localAddress) return false;
  return !/^(127\.|::1$|::ffff:127\.)/.test(remoteAddress);
}
