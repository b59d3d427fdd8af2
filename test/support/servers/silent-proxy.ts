import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that can fall silent: its connections stay open, and nothing passes any more. */
export interface SilentProxy {
  readonly port: number;
  /** From now on it passes nothing on, also of connections that are opened later. */
  fallSilent(): void;
  stop(): Promise<void>;
}

export async function startSilentProxy(to: {
  readonly host: string;
  readonly port: number;
}): Promise<SilentProxy> {
  const open = new Set<Socket>();
  let isSilent = false;
  const pass = (from: Socket, onto: Socket) => {
    from.on('data', (bytes) => {
      if (isSilent) return;
      if (!onto.write(bytes)) {
        from.pause();
        onto.once('drain', () => from.resume());
      }
    });
    from.on('close', () => {
      open.delete(from);
      if (!isSilent) onto.destroy();
    });
    from.on('error', () => undefined);
    open.add(from);
  };
  const server = createServer((client) => {
    const upstream = connect(to.port, to.host);
    pass(client, upstream);
    pass(upstream, client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    fallSilent: () => {
      isSilent = true;
    },
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
