import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { BlockArena, Staging } from './block-arena.ts';
import { gathering } from './gathering.ts';
import { createReceiver, type Receiver } from './receiver.ts';

/** In this time one backend produces 100 KB or more. */
const GATHER_MS = 1;

type DataListener = (bytes: Buffer) => void;

/**
 * A socket for node-postgres whose bytes are read directly into the arena. Other messages than rows
 * reach node-postgres by its `data` listener.
 */
export function receivingSocket(
  arena: BlockArena,
  staging: Staging,
): { readonly socket: Socket; readonly receiver: Receiver } {
  // Node reads into a given buffer only when the socket is created with it.
  const options = {
    onread: {
      buffer: staging.readRegion,
      callback: (bytesRead: number): boolean => {
        if (!receiver.received(bytesRead)) return false;
        if (!receiver.streaming) reads.interrupted();
        else if (reads.waitsAfter(bytesRead)) {
          setTimeout(goOn, GATHER_MS);
          return false;
        }
        return true;
      },
    },
  };
  const socket = new Socket(options);
  const reads = gathering();
  const goOn = () => socket.resume();
  const receiver: Receiver = createReceiver(arena, staging, {
    forward: guarded(socket, (bytes) => socket.emit('data', bytes)),
    fail: (error) => socket.destroy(error),
    resume: () => socket.resume(),
  });
  return { socket, receiver };
}

/**
 * The same for an existing stream (TLS): its bytes are copied into the arena, and other messages
 * than
 * rows go to the previous `data` listeners. Call it before the first byte arrives.
 */
export function receiveFrom(stream: Duplex, arena: BlockArena, staging: Staging): Receiver {
  const listeners = stream.listeners('data') as DataListener[];
  stream.removeAllListeners('data');
  /** Bytes that have arrived and are not in the read region yet. */
  let rest: Uint8Array = new Uint8Array();
  const receiver = createReceiver(arena, staging, {
    forward: guarded(stream, (bytes) => {
      for (const listener of listeners) listener.call(stream, bytes);
    }),
    fail: (error) => stream.destroy(error),
    resume: () => {
      if (takeRest()) stream.resume();
    },
  });
  function takeRest(): boolean {
    while (rest.byteLength > 0) {
      const piece = rest.subarray(0, receiver.readRegion.byteLength);
      receiver.readRegion.set(piece);
      rest = rest.subarray(piece.byteLength);
      if (!receiver.received(piece.byteLength)) return false;
    }
    return true;
  }
  stream.on('data', (bytes: Buffer) => {
    rest = bytes;
    if (!takeRest()) stream.pause();
  });
  return receiver;
}

/** An error of node-postgres about an unknown message must end the connection, not the process. */
function guarded(stream: Duplex, forward: DataListener): DataListener {
  return (bytes) => {
    try {
      forward(bytes);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  };
}
