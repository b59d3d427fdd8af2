import { Client, type ClientConfig } from 'pg';
import { connectionOf } from '../session/pg-internals.ts';
import type { BlockArena } from './block-arena.ts';
import type { Receiver } from './receiver.ts';
import { receiveFrom, receivingSocket } from './receiving-socket.ts';

export interface ReceivingClient {
  readonly client: Client;
  /** Undefined until the connection is encrypted, where it is to be. */
  readonly receiver: Receiver | undefined;
}

/**
 * A client all of whose bytes go through the arena. Its place there is free again when the connection has ended; so it
 * must be made to connect. Waits while as many others are connected as the arena has places for.
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
    // The encrypted stream exists now, and nothing has come over it yet.
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
