import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import {
  collectProgram,
  type FifoDirection,
  feedProgram,
  fifoFolder,
  fifoName,
} from '../../../database/copy/fifo-programs.ts';
import { quoteLiteral } from '../../../database/session/quote.ts';
import { openSession } from '../../../database/session/session.ts';
import { type FifoFolder, openFifoFolder } from '../../../segment-shipper/fifo/folder.ts';
import { startPostgres, type TestServer } from '../../support/servers/postgres.ts';
import { waitFor } from '../../support/wait-for.ts';

/**
 * Everything that must end at once ends within this time. The program's watch polls twice a second;
 * the rest allows for a busy machine. It is shorter than the timeouts of a program that waits for
 * its shipper and of a shipper that waits for a program.
 */
export const SOON_MS = 18_000;

export interface FifoServer extends TestServer {
  readonly dataDir: string;
}

export async function startFifoServer(): Promise<FifoServer> {
  const server = await startPostgres();
  return { ...server, dataDir: await server.psql('SHOW data_directory') };
}

/** A path for a folder that does not exist yet. It is deleted after the test. */
export async function freshPath(): Promise<string> {
  const base = await mkdtemp('/tmp/stowage-fifo-test-');
  onTestFinished(() => rm(base, { recursive: true, force: true }));
  // The server's user must be able to pass, as through /tmp.
  await chmod(base, 0o755);
  return fifoFolder(base, '20260131120000', 0);
}

/** An open folder of this process. */
export async function freshFolder({
  dataDir,
}: FifoServer): Promise<FifoFolder & { readonly path: string }> {
  const path = await freshPath();
  const folder = await openFifoFolder(path, dataDir);
  onTestFinished(() => folder.remove());
  return { ...folder, path };
}

export interface Copy {
  /** The server's process, which is also the process group of the program. */
  readonly backend: number;
  /** The server's row count, after the commit. */
  readonly rows: Promise<number>;
}

/** COPY with a program, in its own session. `what` is a table or, for `out`, a query in (…). */
export async function startCopy(
  server: FifoServer,
  direction: FifoDirection,
  what: string,
  folder: string,
  { relation = 1, patienceMs }: { relation?: number; patienceMs?: number } = {},
): Promise<Copy> {
  const session = await openSession(server.target(), {
    purpose: 'restore',
    applicationName: 'stowage restore of a test',
  });
  const program = (direction === 'in' ? feedProgram : collectProgram)(folder, relation, patienceMs);
  const how = direction === 'in' ? 'FROM' : 'TO';
  const copy = async () => {
    try {
      return await session.run(`COPY ${what} ${how} PROGRAM ${quoteLiteral(program)}`, 'copy');
    } finally {
      await session.close();
    }
  };
  const rows = copy();
  rows.catch(() => undefined);
  return { backend: session.pid, rows };
}

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
  readonly state: string;
}

/** All processes, from /proc. */
async function processes(): Promise<ProcessInfo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [, command = ''] = /\((.*)\)/s.exec(stat) ?? [];
      const [state = '', parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command, state }];
    } catch {
      return [];
    }
  });
}

/** FIFOs without a program. */
export function makeFifos(...paths: string[]): void {
  execFileSync('/bin/sh', ['-c', 'mkfifo "$@"', 'sh', ...paths]);
}

/** The live processes of a program: its shell, its `cat`, its watch and the watch's `sleep`. */
export async function programOf({ backend }: Copy): Promise<ProcessInfo[]> {
  return (await processes()).filter(
    ({ pid, group, state }) => group === backend && pid !== backend && state !== 'Z',
  );
}

/** The shell that the server started, its `cat` (a shell until its FIFO is open), and its watch. */
export async function partsOf(copy: Copy): Promise<{ shell: number; cat: number; watch: number }> {
  return waitSoonFor('the program to run', async () => {
    const parts = await programOf(copy);
    const shell = parts.find(({ parent }) => parent === copy.backend)?.pid;
    const [cat, watch] = parts
      .filter(({ parent, command }) => parent === shell && command !== 'mkfifo')
      .sort((one, other) => age(one.pid, shell) - age(other.pid, shell));
    return shell !== undefined && cat !== undefined && watch !== undefined
      ? { shell, cat: cat.pid, watch: watch.pid }
      : undefined;
  });
}

/** Process ids wrap around: an id below the parent's is younger than an id above it. */
const age = (pid: number, parent = 0) => (pid > parent ? pid : pid + 2 ** 22);

/** Waits until the program's `cat` sleeps: it first sleeps in opening its FIFO without a writer. */
export async function catOpens(copy: Copy): Promise<void> {
  await waitSoonFor('cat to open the FIFO', async () =>
    (await programOf(copy)).some(({ command, state }) => command === 'cat' && state === 'S')
      ? true
      : undefined,
  );
}

/** Waits until no process of the program is left, not even the watch's last `sleep`. */
export async function programGone(copy: Copy): Promise<void> {
  await waitSoonFor('the program to be gone', async () =>
    (await programOf(copy)).length === 0 ? true : undefined,
  );
}

export async function gone(path: string): Promise<void> {
  await waitSoonFor(`${path} to be gone`, () => (existsSync(path) ? undefined : true));
}

/** As `waitFor`, but fails after `SOON_MS`. */
export const waitSoonFor = <T>(
  what: string,
  read: () => Promise<T | undefined> | T | undefined,
  timeoutMs = SOON_MS,
): Promise<T> => waitFor(what, read, { everyMs: 10, timeoutMs });

/** The result of a promise; fails when it takes longer than SOON_MS. */
export async function soon<T>(promise: Promise<T>, withinMs = SOON_MS): Promise<T> {
  const late = Symbol('late');
  const first = await Promise.race([promise, sleep(withinMs, late, { ref: false })]);
  if (first === late) throw new Error(`nothing happened within ${withinMs} ms`);
  return first as T;
}

/** Files of a folder that this process has open. */
export async function descriptorsInto(folder: string): Promise<string[]> {
  const open = await readdir('/proc/self/fd');
  const targets = await Promise.all(
    open.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
  );
  return targets.filter((target) => target.startsWith(folder));
}

/** Waits until a program has made its FIFO; returns the path. */
export function arrived(folder: string, direction: FifoDirection, relation = 1): Promise<string> {
  const path = join(folder, fifoName(relation, direction));
  return waitSoonFor(`${path} to appear`, () => (existsSync(path) ? path : undefined));
}

/** How the shipper of shipper.ts treats programs. */
export type Behaviour = 'never' | 'stalled' | 'endless';

export interface ChildShipper {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly path: string;
  /** The COPY that `before` started. */
  readonly copyBefore: Copy | undefined;
  /** Resolves when the shipper has printed this line. */
  printed(line: string): Promise<void>;
}

/** The shell that deletes a folder when its shipper has ended. */
export function cleanupProcessOf(folder: string): Promise<number> {
  return waitSoonFor('the cleanup process', async () => {
    const shells = (await processes()).filter(
      ({ command, pid, group }) => command === 'sh' && pid === group,
    );
    return shells.find(({ pid }) => commandLine(pid).endsWith(`\0${folder}\0`))?.pid;
  });
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** A shipper in its own process, so that it can be killed; `before` runs before it starts. */
export async function childShipper(
  server: FifoServer,
  behaviour: Behaviour,
  { before }: { before?: (path: string) => Promise<Copy> } = {},
): Promise<ChildShipper> {
  const path = await freshPath();
  const copyBefore = await before?.(path);
  const entry = fileURLToPath(new URL('./shipper.ts', import.meta.url));
  const child = spawn(process.execPath, [entry, path, server.dataDir, behaviour], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const closed = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const printed = async (line: string) => {
    await waitSoonFor(`the shipper to print ${line}; it printed ${output} ${errors}`, () =>
      output.split('\n').includes(line) ? true : undefined,
    );
  };
  await printed('ready');
  return { child, path, printed, copyBefore };
}
