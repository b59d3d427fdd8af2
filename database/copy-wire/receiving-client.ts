import { Client, type ClientConfig } from 'pg';
import { connectionOf } from '../session/pg-internals.ts';
import type { BlockArena } from './block-arena.ts';
import type { Receiver } from './receiver.ts';
import { receiveFrom, receivingSocket } from './receiving-socket.ts';

export interface ReceivingClient {
  readonly client: Client;
  /** Undefined until the TLS handshake, when the connection uses TLS. */
  readonly receiver: Receiver | undefined;
}

/**
 * A client whose incoming bytes all go through the arena. It waits while the arena has no free
 * place.
 * The place is free again when the connection has ended, so the caller must connect the client.
 */
export async function receivingClient(
  config: ClientConfig,
  arena: BlockArena,
  signal: AbortSignal | undefined,
): Promise<ReceivingClient> {
  const staging = await arena.connections.take(signal);
  const plain = config.ssl === false ? receivingSocket(arena, staging) : undefined;
  let receiver = plain?.receiver;
  const client = new Client(
    plain === undefined ? config : { ...config, stream: () => plain.socket },
  );
  const connection = connectionOf(client);
  connection.once('sslconnect', () => {
    // The TLS stream exists now, and no byte has arrived on it yet.
    receiver = receiveFrom(connection.stream, arena, staging);
  });
  connection.once('end', () => {
    receiver?.close();
    arena.connections.give(staging);
  });
  return {
    client,
    get receiver() {
      return receiver;
    },
  };
}
