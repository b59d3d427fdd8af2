import { constants, open as openFile } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf, StowageError } from '../backup-set/errors.ts';
import { doneName, fedName } from '../database/fifo-programs.ts';

/** A bare descriptor, because the socket closes it: a FileHandle would close the number again, which may be another's by then. */
const open = promisify(openFile);

/** A program opens its FIFO right after making it; one that takes longer has died in between. */
const OPENING_MS_MAX = 20_000;
/** From its last byte to its last word a program needs milliseconds; a busy host needs more. */
const ENDING_MS_MAX = 20_000;
const LOOK_EVERY_MS = 5;

/**
 * Writes rows to the program that waits at a FIFO, and waits until it has passed them all on.
 * @throws StowageError `shipper/fifo` when it ended before; `interrupted`; what the source threw.
 */
export async function feedFifo(
  path: string,
  rows: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const fd = await openWhenMet(path, constants.O_WRONLY, signal);
  const socket = new Socket({ fd, readable: false, writable: true });
  const cut = () => socket.destroy(new Error('interrupted'));
  signal.addEventListener('abort', cut, { once: true });
  try {
    for await (const chunk of rows) await written(socket, chunk, signal);
    // Only now, with all bytes in the kernel's hands: a program that reads the end finds our word that it is one.
    await writeFile(fedName(path), '');
  } finally {
    signal.removeEventListener('abort', cut);
    socket.destroy();
  }
  await untilDone(path, signal);
}

function written(socket: Socket, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error) => {
      if (signal.aborted) reject(signal.reason as Error);
      else
        reject(
          new StowageError('shipper/fifo', `the database stopped reading: ${error.message}`, {
            cause: error,
          }),
        );
    };
    // An error that is only emitted must not end the process; the callback gets every other.
    socket.once('error', failed);
    socket.write(chunk, (error) => {
      socket.removeListener('error', failed);
      if (error) failed(error);
      else resolve();
    });
  });
}

/**
 * The bytes that a program writes to its FIFO. Ends only after the program said that it passed on everything.
 * @throws StowageError `shipper/fifo` when it ended without saying so; `interrupted`.
 */
export async function* readFifo(path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const fd = await openWhenMet(path, constants.O_RDONLY, signal);
  const socket = new Socket({ fd, readable: true, writable: false });
  const cut = () => socket.destroy(new Error('interrupted'));
  signal.addEventListener('abort', cut, { once: true });
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) yield chunk;
    await untilDone(path, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', cut);
    socket.destroy();
  }
}

/** Without blocking a thread of the pool: opening to write fails until somebody reads. */
async function openWhenMet(path: string, mode: number, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + OPENING_MS_MAX;
  for (;;) {
    signal.throwIfAborted();
    try {
      return await open(path, mode | constants.O_NONBLOCK);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'ENXIO' || performance.now() > deadline) {
        throw new StowageError('shipper/fifo', `no program waits at ${path}: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function untilDone(path: string, signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + ENDING_MS_MAX;
  while (!(await exists(doneName(path)))) {
    signal.throwIfAborted();
    if (performance.now() > deadline)
      throw new StowageError(
        'shipper/fifo',
        `the program at ${path} ended before it had passed on all rows; was it killed?`,
      );
    await sleep(LOOK_EVERY_MS);
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
