import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Certificate } from './certificates.ts';

/** Accepts TLS and passes the bytes on to a server on this host that speaks none. */
export async function startTlsFront(
  { cert, key }: Certificate,
  port: number,
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const open = new Set<Socket>();
  const server = createServer({ cert, key }, (client) => {
    const onward = connect(port, '127.0.0.1');
    open.add(client);
    client.on('error', () => onward.destroy()).on('close', () => open.delete(client));
    onward.on('error', () => client.destroy());
    client.pipe(onward).pipe(client);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const client of open) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
