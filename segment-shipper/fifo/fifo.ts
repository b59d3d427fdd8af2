import { close, constants, open as openFile, read as readInto } from 'node:fs';
import { access, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { doneName, fedName } from '../../database/copy/fifo-programs.ts';

/** A bare descriptor, because the socket closes it: a FileHandle would close the number again, which may be another's by then. */
const open = promisify(openFile);
const read = promisify(readInto);
const shut = promisify(close);

/** How long we wait for a program that may be dead. */
export interface FifoTimeouts {
  /** A program opens its FIFO right after making it; one that takes longer has died in between. */
  readonly openingMs: number;
  /** From its `cat`'s end to its last word a program needs milliseconds; a busy host needs more. */
  readonly endingMs: number;
}

const DEFAULT_TIMEOUTS: FifoTimeouts = { openingMs: 20_000, endingMs: 20_000 };
const LOOK_EVERY_MS = 5;
const FIRST_BYTES_MAX = 64 * 1024;

/**
 * Writes rows to the program that waits at a FIFO, and waits until it has passed them all on.
 * @throws StowageError `shipper/fifo` when it ended before; `interrupted`; what the source threw.
 */
export async function feedFifo(
  path: string,
  rows: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  timeouts = DEFAULT_TIMEOUTS,
): Promise<void> {
  const fd = await openFifo(path, constants.O_WRONLY, signal, timeouts);
  const { socket, release } = abortableSocket(
    new Socket({ fd, readable: false, writable: true }),
    signal,
  );
  try {
    signal.throwIfAborted();
    for await (const chunk of rows) await written(socket, chunk, signal);
    signal.throwIfAborted();
    // Only now, with all bytes in the kernel's hands: a program that reads the end finds our word that it is one.
    await writeFile(fedName(path), '');
  } finally {
    release();
  }
  await waitForDone(path, signal, timeouts, () => hasReader(path));
}

/** A socket that the signal destroys. */
function abortableSocket(socket: Socket, signal: AbortSignal) {
  const cut = () => socket.destroy(new Error('interrupted'));
  // Whoever waits for the socket learns of an error by his callback; with nobody waiting it would end the process.
  socket.on('error', () => undefined);
  signal.addEventListener('abort', cut, { once: true });
  const release = () => {
    signal.removeEventListener('abort', cut);
    socket.destroy();
  };
  return { socket, release };
}

function written(socket: Socket, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(chunk, (error) => {
      if (!error) resolve();
      else if (signal.aborted) reject(signal.reason as Error);
      else
        reject(
          new StowageError('shipper/fifo', `the database stopped reading: ${error.message}`, {
            cause: error,
          }),
        );
    });
  });
}

/**
 * The bytes that a program writes to its FIFO. Ends only after the program said that it passed on everything.
 * @throws StowageError `shipper/fifo` when it ended without saying so; `interrupted`.
 */
export async function* readFifo(
  path: string,
  signal: AbortSignal,
  timeouts = DEFAULT_TIMEOUTS,
): AsyncGenerator<Buffer> {
  const fd = await openFifo(path, constants.O_RDONLY, signal, timeouts);
  const first = await firstBytes(fd, path, signal, timeouts).catch(async (error: unknown) => {
    await shut(fd);
    throw error;
  });
  const { socket, release } = abortableSocket(
    new Socket({ fd, readable: true, writable: false }),
    signal,
  );
  try {
    signal.throwIfAborted();
    if (first.byteLength > 0) yield first;
    for await (const chunk of socket as AsyncIterable<Buffer>) yield chunk;
    await waitForDone(path, signal, timeouts);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}

/**
 * Waits for the writer, whom opening to read does not wait for: one that died before its open would never be missed.
 * Returns what it has written so far, if anything.
 */
async function firstBytes(
  fd: number,
  path: string,
  signal: AbortSignal,
  { openingMs }: FifoTimeouts,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(FIRST_BYTES_MAX);
  const deadline = performance.now() + openingMs;
  for (;;) {
    signal.throwIfAborted();
    // Asked before reading: only then does reading nothing mean that there was nothing.
    const done = await exists(doneName(path));
    const bytes = await readNow(fd, buffer);
    if (bytes === undefined || bytes > 0 || done) return buffer.subarray(0, bytes ?? 0);
    if (performance.now() > deadline)
      throw new StowageError(
        'shipper/fifo',
        `the program at ${path} ended before it wrote; was it killed?`,
      );
    await sleep(LOOK_EVERY_MS);
  }
}

/** 0 = nobody has it open to write; undefined = somebody has, and has not written yet. */
async function readNow(fd: number, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await read(fd, buffer, 0, buffer.length, null)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/** Without blocking a thread of the pool: opening to write fails until somebody reads. */
async function openFifo(
  path: string,
  mode: number,
  signal: AbortSignal,
  { openingMs }: FifoTimeouts,
): Promise<number> {
  const deadline = performance.now() + openingMs;
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

/**
 * As long as the program is `busy`, its last word may come later; a server that stands still is no dead program. So our
 * patience begins when we see that it no longer is: counted from anything before, it may be over right then.
 */
async function waitForDone(
  path: string,
  signal: AbortSignal,
  { endingMs }: FifoTimeouts,
  busy: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<void> {
  let silentSince: number | undefined;
  while (!(await exists(doneName(path)))) {
    signal.throwIfAborted();
    const now = performance.now();
    if (await busy()) silentSince = undefined;
    else silentSince ??= now;
    if (silentSince !== undefined && now - silentSince > endingMs)
      throw new StowageError(
        'shipper/fifo',
        `the program at ${path} ended before it had passed on all rows; was it killed?`,
      );
    await sleep(LOOK_EVERY_MS);
  }
}

/** Somebody has the FIFO open to read: our rows are still on their way. */
async function hasReader(path: string): Promise<boolean> {
  try {
    await shut(await open(path, constants.O_WRONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );
