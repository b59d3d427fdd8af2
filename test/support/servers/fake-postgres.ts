import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { ConnectionTarget } from '../../../database/flavour.ts';

/**
 * A server with enough of PostgreSQL's protocol for a client to connect. The test sends the rest.
 */
export interface FakePostgres {
  readonly target: ConnectionTarget;
  stop(): Promise<void>;
}

/** A message of the server. */
export function message(type: string, payload: Uint8Array | string = ''): Buffer {
  const body = Buffer.from(payload as string);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

export const READY = message('Z', 'I');
export const COPY_BEGINS = message('H', Buffer.from([0, 0, 0]));
export const copyEnds = (rows: number) =>
  Buffer.concat([message('c'), message('C', `COPY ${rows}\0`), READY]);

/** An ERROR of the server, after which it is ready for the next query. */
export const failure = (state: string, text: string, detail: string) =>
  Buffer.concat([message('E', `SERROR\0C${state}\0M${text}\0D${detail}\0\0`), READY]);

/**
 * Calls `answer` with the connection for each query that begins with `COPY`, or as `begins` says.
 * Others return no rows.
 */
export async function startFakePostgres(
  answer: (socket: Socket) => void,
  begins = 'COPY',
): Promise<FakePostgres> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).on('close', () => open.delete(socket));
    let received = Buffer.alloc(0);
    let greeted = false;
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes]);
      for (;;) {
        const length =
          received.length < 5
            ? Number.NaN
            : received.readUInt32BE(greeted ? 1 : 0) + (greeted ? 1 : 0);
        if (!(received.length >= length)) return;
        const query = received.toString('latin1', 5, length);
        const type = received.toString('latin1', 0, 1);
        received = received.subarray(length);
        if (!greeted)
          socket.write(
            Buffer.concat([message('R', Buffer.alloc(4)), message('K', Buffer.alloc(8)), READY]),
          );
        else if (type === 'Q' && query.startsWith(begins)) answer(socket);
        else if (type === 'Q') socket.write(Buffer.concat([message('C', 'SELECT 0\0'), READY]));
        greeted = true;
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    target: { host: '127.0.0.1', port, user: 'test', database: 'test', password: 'not asked for' },
    stop: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
