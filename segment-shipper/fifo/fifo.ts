import { close, constants, open as openFile, read as readInto } from 'node:fs';
import { access, rm, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { onAbort } from '../../async/abort.ts';
import { pause, poll } from '../../async/poll.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { doneName, fedName } from '../../database/copy/fifo-programs.ts';

// Bare descriptors, because the socket closes its own: a FileHandle would close the same number a
// second time, when it may belong to another file.
const open = promisify(openFile);
const read = promisify(readInto);
const closeDescriptor = promisify(close);

/** How long to wait for a program that may be dead. */
export interface FifoTimeouts {
  /** A program opens its FIFO right after it has made it. Later than this, it has died. */
  readonly openingMs: number;
  /** A program makes its done file milliseconds after its `cat` ends; longer on a busy host. */
  readonly endingMs: number;
}

const DEFAULT_TIMEOUTS: FifoTimeouts = { openingMs: 20_000, endingMs: 20_000 };
const POLL_MS = 5;
const FIRST_BYTES_MAX = 64 * 1024;

/**
 * Writes rows to the program that waits at a FIFO, and waits until it has passed all of them on.
 * @throws StowageError `shipper/fifo` when the program ended before that; the signal's reason; what
 * the source throws.
 */
export async function feedFifo(
  path: string,
  rows: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  timeouts = DEFAULT_TIMEOUTS,
): Promise<void> {
  const fd = await openFifo(path, constants.O_WRONLY, signal, timeouts);
  {
    using abortable = abortableSocket(new Socket({ fd, readable: false, writable: true }), signal);
    signal.throwIfAborted();
    for await (const chunk of rows) await written(abortable.socket, chunk, signal);
    signal.throwIfAborted();
    // Only now, with all bytes in the kernel: a program that reads the end of the FIFO takes it as
    // the end of the rows when this file is there, and as a failure when it is not.
    await writeFile(fedName(path), '');
  }
  await waitForDone(path, signal, timeouts, () => hasReader(path));
}

/** A socket that the signal destroys, and the end of the block at the latest. */
function abortableSocket(
  socket: Socket,
  signal: AbortSignal,
): Disposable & { readonly socket: Socket } {
  // Reads and writes report errors themselves. Without a listener, an error between two of them
  // would end the process.
  socket.on('error', () => undefined);
  const listening = onAbort(signal, () => void socket.destroy(new Error('interrupted')));
  return {
    socket,
    [Symbol.dispose]() {
      listening[Symbol.dispose]();
      socket.destroy();
    },
  };
}

function written(socket: Socket, chunk: Uint8Array, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(chunk, (error) => {
      if (!error) resolve();
      else if (signal.aborted) reject(signal.reason as Error);
      else
        reject(
          new StowageError(
            'shipper/fifo',
            `the program of the server stopped reading the rows: ${error.message}`,
            {
              cause: error,
            },
          ),
        );
    });
  });
}

/**
 * The bytes that a program writes to its FIFO. Ends only after the program has confirmed that it
 * passed on everything, and then deletes the FIFO.
 * @throws StowageError `shipper/fifo` when the program ended without that; the signal's reason.
 */
export async function* readFifo(
  path: string,
  signal: AbortSignal,
  timeouts = DEFAULT_TIMEOUTS,
): AsyncGenerator<Buffer> {
  const fd = await openFifo(path, constants.O_RDONLY, signal, timeouts);
  const first = await firstBytes(fd, path, signal, timeouts).catch(async (error: unknown) => {
    await closeDescriptor(fd);
    throw error;
  });
  using abortable = abortableSocket(new Socket({ fd, readable: true, writable: false }), signal);
  try {
    signal.throwIfAborted();
    if (first.byteLength > 0) yield first;
    for await (const chunk of abortable.socket as AsyncIterable<Buffer>) yield chunk;
    await waitForDone(path, signal, timeouts);
    // The folder is listed for every new program: thousands of tables must not fill it.
    await Promise.all([path, doneName(path)].map((file) => rm(file, { force: true })));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Waits for the writer, because opening a FIFO to read does not wait for one: a program that died
 * before it opened the FIFO would go unnoticed. Returns what it has written so far, if anything.
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
    // Checked before the read: only then does an empty read mean that the program wrote nothing.
    const done = await exists(doneName(path));
    const bytes = await readNow(fd, buffer);
    if (bytes === undefined || bytes > 0 || done) return buffer.subarray(0, bytes ?? 0);
    if (performance.now() > deadline)
      throw new StowageError(
        'shipper/fifo',
        `the program at ${path} ended before it wrote a row: it was probably killed`,
      );
    await pause(POLL_MS, signal);
  }
}

/** 0 = no process has it open to write; undefined = one has, and has written nothing yet. */
async function readNow(fd: number, buffer: Buffer): Promise<number | undefined> {
  try {
    return (await read(fd, buffer, 0, buffer.length, null)).bytesRead;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return undefined;
    throw error;
  }
}

/**
 * O_NONBLOCK keeps a thread of the pool from blocking: opening to write then fails with ENXIO until
 * a program has the FIFO open to read.
 */
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
        throw new StowageError(
          'shipper/fifo',
          `no program has opened ${path}: ${messageOf(error)}`,
          {
            cause: error,
          },
        );
      }
    }
    await pause(POLL_MS, signal);
  }
}

/**
 * Waits for the program's done file. While the program is `busy` this may take any time, because
 * the server may stall. The timeout starts when a poll finds that the program is not busy: counted
 * from any earlier moment, it could be over already.
 */
async function waitForDone(
  path: string,
  signal: AbortSignal,
  { endingMs }: FifoTimeouts,
  busy: () => Promise<boolean> = () => Promise.resolve(false),
): Promise<void> {
  let notBusySince: number | undefined;
  await poll(
    async () => {
      if (await exists(doneName(path))) return true;
      signal.throwIfAborted();
      const now = performance.now();
      if (await busy()) notBusySince = undefined;
      else notBusySince ??= now;
      if (notBusySince !== undefined && now - notBusySince > endingMs)
        throw new StowageError(
          'shipper/fifo',
          `the program at ${path} ended before it passed on all rows: it was probably killed`,
        );
      return undefined;
    },
    { everyMs: POLL_MS },
  );
}

/** A program has the FIFO open to read, so rows are still on their way. */
async function hasReader(path: string): Promise<boolean> {
  try {
    await closeDescriptor(await open(path, constants.O_WRONLY | constants.O_NONBLOCK));
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
