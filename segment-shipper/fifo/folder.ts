import { spawn } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { type FifoDirection, PID_FILE, parseFifoName } from '../../database/copy/fifo-programs.ts';

/** A program has come to the folder and waits at its FIFO. */
export interface WaitingProgram {
  readonly relation: number;
  readonly direction: FifoDirection;
  /** Path of the FIFO. */
  readonly path: string;
}

/** Where this shipper meets the programs of `COPY … ON SEGMENT`. */
export interface FifoFolder {
  /** Every FIFO once, as it appears, until the signal fires. */
  programs(signal: AbortSignal): AsyncIterable<WaitingProgram>;
  /** Sends a program away that nobody will meet: it fails at once, and the server's COPY with it. */
  reject(arrival: WaitingProgram): Promise<void>;
  /** Takes the folder away, with all that is in it. */
  remove(): Promise<void>;
}

/** Notifications get lost on some file systems; then this is how soon a FIFO is seen. */
const LOOK_EVERY_MS = 250;

/**
 * Makes the folder, ready when this resolves. Whatever ends this process, also SIGKILL, takes the folder with it.
 * @throws StowageError `shipper/fifo` when the server's programs could not get in.
 */
export async function openFifoFolder(
  path: string,
  dataDir: string | undefined,
): Promise<FifoFolder> {
  const owner = await ownerFor(dataDir);
  await mkdir(path, { mode: 0o700 }).catch((cause: unknown) => {
    throw new StowageError(
      'shipper/fifo',
      `cannot make the folder of the FIFOs: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  });
  const remove = startCleanupProcess(path);
  try {
    if (owner !== undefined) await chown(path, owner, -1);
    const pid = join(path, PID_FILE);
    await writeFile(`${pid}.new`, `${process.pid}\n`, { mode: 0o644 });
    await rename(`${pid}.new`, pid);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    programs: (signal) => arrivalsIn(path, signal),
    // The program's watch looks whether its FIFO is there.
    reject: (arrival) => rm(arrival.path, { force: true }),
    remove,
  };
}

/** The user whom the programs run as: only root can make room for somebody else. */
async function ownerFor(dataDir: string | undefined): Promise<number | undefined> {
  const own = process.getuid?.();
  const found = dataDir === undefined ? undefined : await stat(dataDir).catch(() => undefined);
  if (found === undefined || found.uid === own) return undefined;
  if (own === 0) return found.uid;
  throw new StowageError(
    'shipper/fifo',
    `the shipper runs as user ${own}, the server in ${dataDir} as user ${found.uid}: its programs could not open the shipper's FIFOs; run the shipper as the server's user`,
  );
}

/**
 * Without the process id no further program comes in. One that is in makes its FIFO perhaps just when `rm` has looked, hence
 * again and again; it ends when its FIFO is gone.
 */
const CLEANUP_SCRIPT = `trap "" INT TERM HUP QUIT; cat >/dev/null; rm -f -- "$1/${PID_FILE}"; n=0
until rm -rf -- "$1" 2>/dev/null || [ $n -ge 50 ]; do n=$((n+1)); sleep 0.1; done`;

/** A shell at the other end of a pipe: when we are gone, however we went, it reads the end and cleans up. */
function startCleanupProcess(path: string): () => Promise<void> {
  const shell = spawn('/bin/sh', ['-c', CLEANUP_SCRIPT, 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) =>
    shell.once('close', () => resolve()).once('error', () => resolve()),
  );
  shell.unref();
  return async () => {
    shell.ref();
    shell.stdin.end();
    await ended;
    // It may have been killed.
    await rm(path, { recursive: true, force: true });
  };
}

async function* arrivalsIn(path: string, signal: AbortSignal): AsyncGenerator<WaitingProgram> {
  const seen = new Set<string>();
  let wake = () => {};
  let watcher: FSWatcher | undefined;
  const stop = () => wake();
  signal.addEventListener('abort', stop, { once: true });
  try {
    // Inotify may be out of watches on a busy host; looking now and then finds the same.
    watcher = watch(path, () => wake());
    watcher.on('error', () => undefined);
  } catch {
    watcher = undefined;
  }
  try {
    while (!signal.aborted) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      for (const entry of await readdir(path, { withFileTypes: true })) {
        const { name } = entry;
        const fifo = parseFifoName(name);
        if (fifo === undefined || !entry.isFIFO() || seen.has(name)) continue;
        if (signal.aborted) return;
        seen.add(name);
        yield { ...fifo, path: join(path, name) };
      }
      await Promise.race([changed, sleep(LOOK_EVERY_MS)]);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    watcher?.close();
  }
}
