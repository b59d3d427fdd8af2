import { spawn } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { chown, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onAbort } from '../../async/abort.ts';
import { exitOf } from '../../async/child-process.ts';
import { pause } from '../../async/poll.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { type FifoDirection, PID_FILE, parseFifoName } from '../../database/copy/fifo-programs.ts';

/** A program of the server that has made its FIFO in the folder and waits there. */
export interface WaitingProgram {
  readonly relation: number;
  readonly direction: FifoDirection;
  /** Path of the FIFO. */
  readonly path: string;
}

/** Where this shipper exchanges rows with the programs of `COPY … ON SEGMENT`. */
export interface FifoFolder {
  /** Each program once, as its FIFO appears, until the signal fires. */
  programs(signal: AbortSignal): AsyncIterable<WaitingProgram>;
  /** Makes a program fail at once, and the server's COPY with it. */
  reject(program: WaitingProgram): Promise<void>;
  /** Deletes the folder and all that is in it. */
  remove(): Promise<void>;
}

/** Some file systems lose notifications; a FIFO is then found after at most this long. */
const POLL_MS = 250;

/**
 * Makes the folder; programs may use it when this resolves. However this process ends, also by
 * SIGKILL, the folder is deleted.
 * @throws StowageError `shipper/fifo` when the server's programs could not use the folder.
 */
export async function openFifoFolder(
  path: string,
  dataDir: string | undefined,
): Promise<FifoFolder> {
  const owner = await ownerFor(dataDir);
  await mkdir(path, { mode: 0o700 }).catch((cause: unknown) => {
    const message = `cannot create ${path}, the folder of the FIFOs: ${messageOf(cause)}`;
    throw new StowageError('shipper/fifo', message, { cause });
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
    programs: (signal) => programsIn(path, signal),
    // The program itself checks that its FIFO still exists.
    reject: (program) => rm(program.path, { force: true }),
    remove,
  };
}

/** The user of the server's programs, when it is another; only root can change the owner. */
async function ownerFor(dataDir: string | undefined): Promise<number | undefined> {
  const own = process.getuid?.();
  const found = dataDir === undefined ? undefined : await stat(dataDir).catch(() => undefined);
  if (found === undefined || found.uid === own) return undefined;
  if (own === 0) return found.uid;
  throw new StowageError(
    'shipper/fifo',
    `the shipper runs as user ${own}, but the server of ${dataDir} runs as user ${found.uid}, so its programs cannot open the shipper's FIFOs. Run the shipper as user ${found.uid}`,
  );
}

/**
 * Without the process id file no further program enters the folder. A program that has entered may
 * make its FIFO just after `rm` has listed the folder, so `rm` is repeated. The program ends when
 * its FIFO is gone.
 */
const CLEANUP_SCRIPT = `trap "" INT TERM HUP QUIT; cat >/dev/null; rm -f -- "$1/${PID_FILE}"; n=0
until rm -rf -- "$1" 2>/dev/null || [ $n -ge 50 ]; do n=$((n+1)); sleep 0.1; done`;

/** A shell at the other end of a pipe. When this process ends, the pipe ends, and it cleans up. */
function startCleanupProcess(path: string): () => Promise<void> {
  const shell = spawn('/bin/sh', ['-c', CLEANUP_SCRIPT, 'sh', path], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const exit = exitOf(shell);
  shell.unref();
  return async () => {
    shell.ref();
    shell.stdin.end();
    await exit.catch(() => undefined);
    // The shell may have been killed, or could not be started.
    await rm(path, { recursive: true, force: true });
  };
}

async function* programsIn(path: string, signal: AbortSignal): AsyncGenerator<WaitingProgram> {
  const seen = new Set<string>();
  let wake = () => {};
  using _ = onAbort(signal, () => wake());
  const watcher = tryWatch(path, () => wake());
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
      await Promise.race([changed, pause(POLL_MS)]);
    }
  } finally {
    watcher?.close();
  }
}

/** Undefined when the host has no inotify watches left: polling finds the same, later. */
function tryWatch(path: string, onChange: () => void): FSWatcher | undefined {
  // Programs and shippers make other files too, for which the folder need not be listed.
  const isFifo = (name: string | null) => name === null || parseFifoName(name) !== undefined;
  try {
    return watch(path, (_, name) => void (isFifo(name) && onChange())).on('error', () => undefined);
  } catch {
    return undefined;
  }
}
