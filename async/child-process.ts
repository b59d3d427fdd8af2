import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { onAbort } from './abort.ts';

/** How a process ended: one of the two is not null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** The end of the text that a process wrote: at most `charsMax` UTF-16 units. */
export interface OutputTail {
  readonly text: () => string;
}

/**
 * Resolves when the process has ended and its pipes are closed; rejects if it could not be started.
 * Call it in the same turn as `spawn`, or it misses an early end.
 */
export function exitOf(child: ChildProcess): Promise<Exit> {
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  // The caller may await it late.
  exit.catch(() => undefined);
  return exit;
}

export function tailOf(stream: NodeJS.ReadableStream | null, charsMax: number): OutputTail {
  let kept = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    kept = (kept + text).slice(-charsMax);
  });
  return { text: () => kept };
}

/** Keeps parts of a text that comes in chunks; it may hold the end back until more comes. */
export interface TextFilter {
  take(chunk: string): string;
  /** What was held back. */
  end(): string;
}

/** As `tailOf`, of what the filter keeps. */
export function tailOfKept(
  stream: NodeJS.ReadableStream | null,
  charsMax: number,
  filter: TextFilter,
): OutputTail {
  let kept = '';
  const add = (text: string) => {
    kept = (kept + text).slice(-charsMax);
    return kept;
  };
  stream?.setEncoding('utf8').on('data', (chunk: string) => add(filter.take(chunk)));
  return { text: () => add(filter.end()) };
}

/** `exit code 1` or `signal SIGKILL`, for messages. */
export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

/**
 * Sends SIGTERM or `first` and, if the process is still running after `killAfterMs`, SIGKILL. May
 * be called twice and after the end of the process. Resolves when it has ended; never throws.
 */
export async function terminate(
  child: ChildProcess,
  killAfterMs: number,
  first: NodeJS.Signals = 'SIGTERM',
): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode !== null || child.signalCode !== null) return closePipes(child);
  child.once('exit', () => closePipes(child));
  const gone = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.kill(first);
  const kill = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  await gone;
  clearTimeout(kill);
}

/** Time for the last output of a process that has ended. */
const PIPES_MS = 1_000;

/** A process that has ended can leave another one that holds its pipes: `close` would not come. */
export function closePipes({ stdout, stderr }: ChildProcess): void {
  setTimeout(() => {
    stdout?.destroy();
    stderr?.destroy();
  }, PIPES_MS).unref();
}

export interface RunOptions extends SpawnOptions {
  /** When it fires, `terminate` ends the process. */
  readonly abort?: AbortSignal | undefined;
  readonly killAfterMs?: number;
  /** What `terminate` sends first; absent = SIGTERM. */
  readonly endSignal?: NodeJS.Signals;
  readonly outputCharsMax?: number;
}

const KILL_AFTER_MS = 5_000;
const OUTPUT_CHARS_MAX = 4_000;

/**
 * Runs a program to its end and keeps the end of its output. A non-zero exit code is not an error
 * here: the caller decides. @throws the error of `spawn` if the program cannot be started.
 */
export async function runToEnd(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<
  Exit & { readonly pid: number | undefined; readonly stdout: string; readonly stderr: string }
> {
  const {
    abort,
    killAfterMs = KILL_AFTER_MS,
    endSignal,
    outputCharsMax = OUTPUT_CHARS_MAX,
    ...rest
  } = options;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...rest });
  const exit = exitOf(child);
  const stdout = tailOf(child.stdout, outputCharsMax);
  const stderr = tailOf(child.stderr, outputCharsMax);
  using _ = onAbort(abort, () => void terminate(child, killAfterMs, endSignal));
  const ended = await exit;
  return { ...ended, pid: child.pid, stdout: stdout.text(), stderr: stderr.text() };
}
