import { spawn } from 'node:child_process';
import { chmod, chown, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pause } from '../../async/poll.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { findTool } from '../tools/process.ts';

/**
 * Throw-away PostgreSQL servers for the demo and the tests: nothing in them survives `stop`, so nothing is flushed
 * to disk either. Never point anything at them that somebody wants to keep.
 */
export interface LocalServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The superuser. */
  readonly user: string;
  readonly binDir: string;
  readonly pid: number;
  /** Fast shutdown, bounded in time; removes the data. Safe to call twice. */
  stop(): Promise<void>;
}

export interface LocalServerOptions {
  /** Absent: anybody on this machine may connect. Given: scram-sha-256 with this password. */
  readonly password?: string;
  /** Settings of postgresql.conf, over the ones for a throw-away server. */
  readonly settings?: Readonly<Record<string, string>>;
}

const SUPERUSER = 'postgres';
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 10_000;
const PORT_ATTEMPTS_MAX = 5;

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  // No socket file: the usual directory belongs to another user, and a temporary one may have too long a path.
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '60',
  // /dev/shm is 64 MB in many containers.
  dynamic_shared_memory_type: 'mmap',
  jit: 'off',
} as const;

/** Starts `count` servers of their own data; initdb runs once and is copied, which takes a tenth of its time. */
export async function startLocalServers(
  count: number,
  options: LocalServerOptions = {},
): Promise<readonly LocalServer[]> {
  const binDir = await findTool('initdb');
  const owner = await unprivilegedOwner();
  const homes: string[] = [];
  try {
    for (let index = 0; index < count; index += 1) homes.push(await makeHome(owner));
    const [first, ...others] = homes;
    if (first === undefined) return [];
    await initialise(binDir, first, owner, options.password);
    for (const other of others) await run('cp', ['-a', join(first, 'data'), other], owner);
  } catch (error) {
    await Promise.all(homes.map(removeHome));
    throw error;
  }
  return allOrStopped(homes.map((home) => startServer(binDir, home, owner, options)));
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

/** The server refuses to run as root; then it runs as `postgres`, else as `nobody`. */
async function unprivilegedOwner(): Promise<Owner> {
  if (process.getuid?.() !== 0) return {};
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const user =
    users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (user === undefined)
    throw new StowageError('database/tool', 'neither the user postgres nor nobody exists');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

async function makeHome(owner: Owner): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'stowage-pg-'));
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(home, owner.uid, owner.gid);
  return home;
}

async function initialise(
  binDir: string,
  home: string,
  owner: Owner,
  password: string | undefined,
) {
  const args = [
    '-D',
    join(home, 'data'),
    '-U',
    SUPERUSER,
    '--no-sync',
    '--encoding=UTF8',
    '--locale=C.UTF-8',
  ];
  if (password === undefined) {
    await run(join(binDir, 'initdb'), [...args, '--auth=trust'], owner);
    return;
  }
  const file = join(home, 'password');
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  if (owner.uid !== undefined && owner.gid !== undefined) await chown(file, owner.uid, owner.gid);
  await run(join(binDir, 'initdb'), [...args, '--auth=scram-sha-256', `--pwfile=${file}`], owner);
  await rm(file);
}

async function startServer(
  binDir: string,
  home: string,
  owner: Owner,
  options: LocalServerOptions,
): Promise<LocalServer> {
  try {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      const server = await launch(binDir, home, port, owner, { ...SETTINGS, ...options.settings });
      const failure = await ready(home, server);
      if (failure === undefined) {
        return {
          host: '127.0.0.1',
          port,
          user: SUPERUSER,
          binDir,
          pid: server.pid,
          stop: () => stop(server, home),
        };
      }
      await end(server);
      // Between our look and the server's bind somebody else may have taken the port.
      if (attempt === PORT_ATTEMPTS_MAX || !failure.includes('Address already in use')) {
        throw new StowageError(
          'database/tool',
          `postgres did not start on port ${port}: ${failure}`,
        );
      }
    }
  } catch (error) {
    await removeHome(home);
    throw error;
  }
}

interface Postmaster {
  readonly pid: number;
  /** Resolves when the process is gone. */
  readonly exited: Promise<void>;
  hasExited(): boolean;
}

/**
 * The server shuts down and its data goes away also when this process is killed: a guard outside the server's process
 * tree waits for the end of a pipe that only we hold. Its own session keeps Ctrl-C for us, not for the server.
 */
const LAUNCH = `home=$1; shift
( ( read -r _ <&3
    if [ -f "$home/data/postmaster.pid" ]; then
      kill -INT $$ 2>/dev/null
      n=0; while [ -f "$home/data/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
    fi
    rm -rf "$home" ) </dev/null >/dev/null 2>&1 & )
exec "$@" 3<&-`;

async function launch(
  binDir: string,
  home: string,
  port: number,
  owner: Owner,
  settings: Record<string, string>,
) {
  const log = await open(join(home, 'log'), 'w');
  await chmod(join(home, 'log'), 0o644);
  const set = Object.entries({ ...settings, port: String(port) }).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  const command = [join(binDir, 'postgres'), '-D', join(home, 'data'), ...set];
  const child = spawn('/bin/sh', ['-c', LAUNCH, 'sh', home, ...command], {
    ...owner,
    cwd: home,
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', log.fd, log.fd, 'pipe'],
  });
  const guard = child.stdio[3];
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      gone = true;
      resolve();
    });
    child.once('error', () => {
      gone = true;
      resolve();
    });
  });
  // Neither the server nor the guard's pipe keeps our event loop alive: the caller's work does.
  child.unref();
  if (
    guard !== null &&
    guard !== undefined &&
    'unref' in guard &&
    typeof guard.unref === 'function'
  )
    guard.unref();
  await log.close();
  return { pid: child.pid ?? -1, exited, hasExited: () => gone } satisfies Postmaster;
}

/** Waits as pg_ctl does for the word `ready` in postmaster.pid; returns what went wrong, if anything. */
async function ready(home: string, server: Postmaster): Promise<string | undefined> {
  const until = Date.now() + START_MS_MAX;
  while (Date.now() < until) {
    if (server.hasExited()) return (await readFile(join(home, 'log'), 'utf8')).slice(-2000);
    const state = await readFile(join(home, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
    if (state.split('\n')[7]?.startsWith('ready') === true) return undefined;
    await sleep(10);
  }
  return `not ready after ${START_MS_MAX} ms`;
}

async function stop(server: Postmaster, home: string): Promise<void> {
  await end(server);
  await removeHome(home);
}

async function end(server: Postmaster): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (server.hasExited() || server.pid <= 0) return;
    process.kill(server.pid, signal);
    const patience = new AbortController();
    await Promise.race([server.exited, pause(STOP_MS_MAX, patience.signal)]);
    patience.abort();
  }
}

async function removeHome(home: string): Promise<void> {
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string')
    throw new StowageError('internal', 'no free port was given');
  return address.port;
}

async function run(command: string, args: readonly string[], owner: Owner): Promise<void> {
  const child = spawn(command, args, { ...owner, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (data: Buffer) => {
    complaint = (complaint + data.toString()).slice(-2000);
  });
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exit, signal) => resolve(exit ?? signal ?? -1));
  }).catch((error: unknown) => messageOf(error));
  if (code !== 0)
    throw new StowageError('database/tool', `${command} failed (${code}): ${complaint.trim()}`);
}

async function allOrStopped(
  starting: readonly Promise<LocalServer>[],
): Promise<readonly LocalServer[]> {
  const outcomes = await Promise.allSettled(starting);
  const started = outcomes.flatMap((outcome) =>
    outcome.status === 'fulfilled' ? [outcome.value] : [],
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((server) => server.stop()));
  throw failed.reason;
}
