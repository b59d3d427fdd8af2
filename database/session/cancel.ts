import { connect } from 'node:net';
import type { ConnectionTarget } from '../flavour.ts';
import type { BackendKey } from './pg-internals.ts';

const CANCEL_REQUEST_CODE = 80877102;
const CANCEL_MS_MAX = 2_000;

/**
 * Sends the protocol's CancelRequest on a new connection, as libpq does. The server never answers,
 * so
 * the caller cannot know whether it worked. Bounded in time; never throws.
 */
export async function sendCancel(target: ConnectionTarget, backend: BackendKey): Promise<void> {
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(CANCEL_REQUEST_CODE, 4);
  request.writeInt32BE(backend.pid, 8);
  request.writeInt32BE(backend.secretKey, 12);
  await new Promise<void>((resolve) => {
    const socket = target.host.startsWith('/')
      ? connect(`${target.host}/.s.PGSQL.${target.port}`)
      : connect(target.port, target.host);
    const finish = () => {
      socket.destroy();
      resolve();
    };
    socket.setTimeout(CANCEL_MS_MAX, finish);
    // The server closes the connection once it has passed the signal on.
    socket
      .once('error', finish)
      .once('close', finish)
      .once('connect', () => socket.end(request));
    socket.resume();
  });
}
