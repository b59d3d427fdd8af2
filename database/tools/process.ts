import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { access, constants, readdir, realpath } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { onAbort, throwIfInterrupted } from '../../async/abort.ts';
import {
  describeExit,
  exitOf,
  type TextFilter,
  tailOf,
  tailOfKept,
  terminate,
} from '../../async/child-process.ts';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import type { ConnectionTarget } from '../flavour.ts';
import { placeOf } from '../session/place.ts';
import { TOOL_OPTIONS } from '../session/settings.ts';
import { tlsEnvironment } from '../session/tls/ways.ts';
import { uniqueApplication, watchTool } from './tool-watch.ts';

/** Debian and its derivatives install each major version's programs in a folder of its own. */
const VERSIONED_ROOT = '/usr/lib/postgresql';
const STDERR_TAIL_CHARS = 4000;
/** A program that waits for a server that does not answer may ignore SIGTERM. */
const KILL_AFTER_MS = 5_000;

interface Search {
  readonly binDir?: string | undefined;
  readonly path?: string;
}

/**
 * The folder of one of PostgreSQL's programs: `binDir` when it is given, else the first in PATH,
 * else the newest version that Debian's packages have installed.
 * @throws StowageError `database/tool` naming every folder that was searched.
 */
export async function findTool(name: string, options: Search = {}): Promise<string> {
  const [first] = await findTools(name, options);
  if (first !== undefined) return first;
  throw new StowageError(
    'database/tool',
    `the program ${name} was not found in ${(await foldersOf(options)).join(', ')}`,
  );
}

/** Every folder that has the program, in the order of `findTool`. */
export async function findTools(name: string, options: Search = {}): Promise<readonly string[]> {
  const homes = new Set<string>();
  for (const directory of await foldersOf(options)) {
    const home = await homeOf(join(directory, name));
    if (home !== undefined) homes.add(home);
  }
  return [...homes];
}

async function foldersOf({ binDir, path }: Search): Promise<string[]> {
  return binDir === undefined ? usualFolders(path ?? process.env['PATH'] ?? '') : [binDir];
}

async function usualFolders(path: string): Promise<string[]> {
  const versions = await readdir(VERSIONED_ROOT).catch(() => []);
  const newestFirst = versions
    .filter((version) => /^\d+$/.test(version))
    .sort((a, b) => Number(b) - Number(a));
  return [
    ...path.split(delimiter).filter(Boolean),
    ...newestFirst.map((version) => join(VERSIONED_ROOT, version, 'bin')),
  ];
}

/**
 * The folder of the program behind symbolic links; undefined when there is none. Debian's
 * /usr/bin/psql is skipped: it is a wrapper that chooses a version by itself.
 */
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
  /** Absent = the program connects to no server, and is not watched. */
  readonly applicationName?: string | undefined;
  /** A statement of the program may run for hours. */
  readonly mayBeSilent?: boolean;
  /** Called when the program prints nothing, and the server shows that it works. */
  readonly onSilence?: ((note: string) => void) | undefined;
  /** What an error message quotes of stderr; absent = it quotes all. */
  readonly quoted?: TextFilter;
}

/** A running PostgreSQL program. Only `done` tells whether it succeeded, and it must be awaited. */
export interface RunningTool {
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** `done` reads it too: a caller that wants all of it must pipe it at once. */
  readonly stderr: Readable;
  /** Resolves with the end of stderr; rejects with `database/tool` or `interrupted`. */
  readonly done: Promise<{ readonly stderr: string }>;
}

/**
 * Starts a program that connects to a server. The connection is described by environment variables,
 * so that a password is never an argument; `conninfoOf` gives the database's name.
 */
export async function startTool(
  target: ConnectionTarget,
  name: string,
  options: ToolOptions,
): Promise<RunningTool> {
  const directory = await findTool(name, { binDir: target.binDir });
  const tls = await tlsEnvironment(target);
  throwIfInterrupted(options.signal);
  const { applicationName } = options;
  const application = applicationName && uniqueApplication(applicationName);
  const child = spawn(join(directory, name), options.args, {
    env: { ...toolEnvironment(target, application, tls), ...librariesBeside(directory) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // The program may end before it has read everything; `done` gives a better error than EPIPE.
  child.stdin.on('error', () => {});
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    done: finished(child, name, target, { ...options, application }),
  };
}

/** Greenplum's programs do not find their libpq without the path that greenplum_path.sh sets. */
function librariesBeside(binDir: string): NodeJS.ProcessEnv {
  const inherited = process.env['LD_LIBRARY_PATH'];
  return {
    LD_LIBRARY_PATH: [join(dirname(binDir), 'lib'), ...(inherited ? [inherited] : [])].join(
      delimiter,
    ),
  };
}

async function finished(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  name: string,
  target: ConnectionTarget,
  options: ToolOptions & { readonly application: string | undefined },
) {
  const { signal, application, mayBeSilent = false, onSilence, quoted } = options;
  const exit = exitOf(child);
  const stderr =
    quoted === undefined
      ? tailOf(child.stderr, STDERR_TAIL_CHARS)
      : tailOfKept(child.stderr, STDERR_TAIL_CHARS, quoted);
  using _ = onAbort(signal, () => void terminate(child, KILL_AFTER_MS));
  let stalled: StowageError | undefined;
  const end = (error: StowageError) => {
    stalled = error;
    void terminate(child, KILL_AFTER_MS);
  };
  using __ =
    application === undefined
      ? undefined
      : watchTool({ child, name, target, application, mayBeSilent, onSilence, end });
  const ended = await exit.catch((error: unknown) => {
    throw toolError(target, `${name} could not be started: ${messageOf(error)}`, error);
  });
  throwIfInterrupted(signal);
  if (stalled !== undefined) throw stalled;
  if (ended.code === 0) return { stderr: stderr.text() };
  const message = `${name} failed on ${placeOf(target)} (${describeExit(ended)}): ${stderr.text().trim()}`;
  throw toolError(target, message);
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

/** Our PG* variables replace inherited ones, which could lead the program to another server. */
function toolEnvironment(
  target: ConnectionTarget,
  applicationName: string | undefined,
  tls: NodeJS.ProcessEnv,
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
    PGOPTIONS: [TOOL_OPTIONS, ...(target.options === undefined ? [] : [target.options])].join(' '),
    ...(target.password === undefined ? {} : { PGPASSWORD: target.password }),
    ...tls,
  };
}
