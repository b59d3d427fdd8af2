import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { throwIfInterrupted } from '../../async/abort.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';

/** Debian and its kin keep each major version's programs in a directory of its own. */
const VERSIONED_ROOT = '/usr/lib/postgresql';
const STDERR_TAIL_CHARS = 4000;
/** A program that does not end by SIGTERM waits for a server that does not answer. */
const KILL_AFTER_MS = 5_000;

/**
 * The directory that holds one of PostgreSQL's own programs: `binDir` when given, else PATH, else the newest version
 * installed the Debian way.
 * @throws StowageError `database/tool` naming every place that was looked at.
 */
export async function findTool(
  name: string,
  options: { binDir?: string | undefined; path?: string } = {},
): Promise<string> {
  const looked =
    options.binDir === undefined
      ? await usualPlaces(options.path ?? process.env['PATH'] ?? '')
      : [options.binDir];
  for (const directory of looked) {
    const home = await homeOf(join(directory, name));
    if (home !== undefined) return home;
  }
  throw new StowageError(
    'database/tool',
    `the program ${name} was not found in ${looked.join(', ')}`,
  );
}

async function usualPlaces(path: string): Promise<string[]> {
  const versions = await readdir(VERSIONED_ROOT).catch(() => []);
  const newestFirst = versions
    .filter((version) => /^\d+$/.test(version))
    .sort((a, b) => Number(b) - Number(a));
  return [
    ...path.split(delimiter).filter(Boolean),
    ...newestFirst.map((version) => join(VERSIONED_ROOT, version, 'bin')),
  ];
}

/** Where a program and its siblings really are. Debian's /usr/bin/psql is a wrapper that chooses a version by itself: passed over. */
async function homeOf(file: string): Promise<string | undefined> {
  try {
    await access(file, constants.X_OK);
    const real = await realpath(file);
    return basename(real) === basename(file) ? dirname(real) : undefined;
  } catch {
    return undefined;
  }
}

export interface ToolOptions {
  readonly args: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly applicationName?: string | undefined;
}

/** A running program of PostgreSQL's; `done` must be awaited, and is the only word on whether it succeeded. */
export interface RunningTool {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Read already for the message of `done`; whoever wants all of it pipes it on at once. */
  readonly stderr: Readable;
  /** Resolves with the end of what it said; rejects with `database/tool` or `interrupted`. */
  readonly done: Promise<{ readonly stderr: string }>;
}

/**
 * Runs a program against a server. Everything about the connection goes through the environment, so that neither a
 * password nor a hostile database name is ever an argument.
 */
export async function startTool(
  target: ConnectionTarget,
  name: string,
  options: ToolOptions,
): Promise<RunningTool> {
  const directory = await findTool(name, { binDir: target.binDir });
  throwIfInterrupted(options.signal);
  const child = spawn(join(directory, name), options.args, {
    env: { ...toolEnvironment(target, options.applicationName), ...librariesBeside(directory) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // The program may end before it has read everything; `done` says so better than EPIPE does.
  child.stdin.on('error', () => {});
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    done: settled(child, name, target, options.signal),
  };
}

/** Greenplum's programs find their libpq only by what greenplum_path.sh sets; a PostgreSQL's own folder has none. */
function librariesBeside(binDir: string): NodeJS.ProcessEnv {
  const inherited = process.env['LD_LIBRARY_PATH'];
  return {
    LD_LIBRARY_PATH: [join(dirname(binDir), 'lib'), ...(inherited ? [inherited] : [])].join(
      delimiter,
    ),
  };
}

type Piped = ChildProcessByStdio<Writable, Readable, Readable>;

async function settled(
  child: Piped,
  name: string,
  target: ConnectionTarget,
  signal: AbortSignal | undefined,
) {
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-STDERR_TAIL_CHARS);
  });
  let forced: NodeJS.Timeout | undefined;
  const kill = () => {
    child.kill('SIGTERM');
    forced ??= setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  };
  // Between our last look and the listener the signal may have fired.
  if (signal?.aborted === true) kill();
  signal?.addEventListener('abort', kill, { once: true });
  try {
    const outcome = await new Promise<{ code: number | null; killedBy: NodeJS.Signals | null }>(
      (resolve, reject) => {
        child.once('error', reject);
        child.once('close', (code, killedBy) => resolve({ code, killedBy }));
      },
    );
    throwIfInterrupted(signal);
    if (outcome.code === 0) return { stderr };
    const how =
      outcome.killedBy === null ? `exit code ${outcome.code}` : `killed by ${outcome.killedBy}`;
    throw toolError(target, `${name} failed on ${placeOf(target)} (${how}): ${stderr.trim()}`);
  } catch (error) {
    if (error instanceof StowageError) throw error;
    throw toolError(target, `${name} could not be run: ${messageOf(error)}`, error);
  } finally {
    signal?.removeEventListener('abort', kill);
    clearTimeout(forced);
  }
}

export function toolError(
  target: ConnectionTarget,
  message: string,
  cause?: unknown,
): StowageError {
  return new StowageError('database/tool', message, {
    cause,
    ...(target.content === undefined ? {} : { where: { content: target.content } }),
  });
}

/** `content 3 (host:port/database)`, for messages. */
export function placeOf(target: ConnectionTarget): string {
  const address = `${target.host}:${target.port}/${target.database}`;
  return target.content === undefined ? address : `content ${target.content} (${address})`;
}

/** PG* variables of ours win over inherited ones, which could lead the program to another server. */
function toolEnvironment(
  target: ConnectionTarget,
  applicationName: string | undefined,
): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PG') || name === 'PGPASSWORD' || name === 'PGPASSFILE',
  );
  return {
    ...Object.fromEntries(inherited),
    LC_ALL: 'C',
    PGHOST: target.host,
    PGPORT: String(target.port),
    PGUSER: target.user,
    PGDATABASE: target.database,
    PGCONNECT_TIMEOUT: '10',
    PGAPPNAME: applicationName ?? 'stowage',
    ...(target.options === undefined ? {} : { PGOPTIONS: target.options }),
    ...(target.password === undefined ? {} : { PGPASSWORD: target.password }),
    ...(target.sslmode === undefined ? {} : { PGSSLMODE: target.sslmode }),
    ...(target.sslrootcert === undefined ? {} : { PGSSLROOTCERT: target.sslrootcert }),
  };
}
