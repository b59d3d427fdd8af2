import { spawn } from 'node:child_process';
import { chmod, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause, poll } from '../../async/poll.ts';
import type { Owner } from './data.ts';

const START_MS_MAX = 60_000;
const READY_POLL_MS = 10;
const STOP_MS_MAX = 10_000;
const LOG_CHARS_MAX = 2_000;
/** The state, `starting` or `ready`, is the eighth line of postmaster.pid. */
const STATE_LINE = 7;

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  hasExited(): boolean;
}

/**
 * A guard process shuts the server down and deletes its data also when this process is killed: it
 * waits for the end of a pipe that only this process holds. The server gets a session of its own,
 * so
 * that Ctrl-C does not reach it.
 */
const LAUNCH = `home=$1; shift
( ( read -r _ <&3
    if [ -f "$home/data/postmaster.pid" ]; then
      kill -INT $$ 2>/dev/null
      n=0; while [ -f "$home/data/postmaster.pid" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); done
    fi
    rm -rf "$home" ) </dev/null >/dev/null 2>&1 & )
exec "$@" 3<&-`;

export async function launch(server: {
  readonly program: string;
  readonly home: string;
  readonly owner: Owner;
  readonly settings: Readonly<Record<string, string>>;
}): Promise<Postmaster> {
  const { program, home, owner, settings } = server;
  await using log = await open(join(home, 'log'), 'w');
  await chmod(join(home, 'log'), 0o644);
  const set = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const command = [program, '-D', join(home, 'data'), ...set];
  const child = spawn('/bin/sh', ['-c', LAUNCH, 'sh', home, ...command], {
    ...owner,
    cwd: home,
    detached: true,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', log.fd, log.fd, 'pipe'],
  });
  let gone = false;
  // Not exitOf: its `close` would wait for the guard's pipe, which outlives the server.
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      gone = true;
      resolve();
    };
    child.once('exit', end).once('error', end);
  });
  // Neither the server nor the guard's pipe may keep the event loop alive.
  child.unref();
  const guard = child.stdio[3];
  if (guard instanceof Object && 'unref' in guard && typeof guard.unref === 'function')
    guard.unref();
  return { pid: child.pid ?? -1, exited, hasExited: () => gone };
}

/**
 * Waits for `ready` in postmaster.pid, as pg_ctl does; returns the reason when it does not come.
 */
export async function untilReady(home: string, server: Postmaster): Promise<string | undefined> {
  const outcome = await poll<{ readonly failure?: string }>(
    async () => {
      if (server.hasExited())
        return { failure: (await readFile(join(home, 'log'), 'utf8')).slice(-LOG_CHARS_MAX) };
      const file = await readFile(join(home, 'data', 'postmaster.pid'), 'utf8').catch(() => '');
      return file.split('\n')[STATE_LINE]?.startsWith('ready') === true ? {} : undefined;
    },
    { everyMs: READY_POLL_MS, timeoutMs: START_MS_MAX },
  );
  return outcome === undefined ? `not ready after ${START_MS_MAX} ms` : outcome.failure;
}

/** A fast shutdown, then an immediate one, then SIGKILL. */
export async function shutDown(server: Postmaster): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (server.hasExited() || server.pid <= 0) return;
    process.kill(server.pid, signal);
    const ended = new AbortController();
    await Promise.race([server.exited, pause(STOP_MS_MAX, ended.signal)]);
    ended.abort();
  }
}
