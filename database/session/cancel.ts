import { connect } from 'node:net';
import type { ConnectionTarget } from '../flavour.ts';

const CANCEL_REQUEST_CODE = 80877102;
const CANCEL_MS_MAX = 2_000;

/**
 * Asks the server to give up what a backend is doing (the protocol's CancelRequest, on a connection of its own, as
 * libpq sends it). Best effort: the server never answers, so neither success nor failure is known. Bounded in time.
 */
export async function sendCancel(
  target: ConnectionTarget,
  backend: { pid: number; secretKey: number },
): Promise<void> {
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
