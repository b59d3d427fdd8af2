import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import type { Where } from '../../backup-set/base/errors.ts';
import type { Problem, Verdict } from '../../backup-set/base/verdict.ts';
import type { Manifest } from '../../backup-set/documents/manifest.ts';
import type { DefinedObject } from '../../backup-set/documents/plan.ts';
import { COORDINATOR_FLAGS } from '../../segment-shipper/protocol/node-flags.ts';
import type { StorageRetries } from '../../storage/retries.ts';
import { suiteEncryption } from './e2e/encryption.ts';
import { STOWAGE, STOWAGE_SOURCE } from './programs/programs.ts';

/** One line of JSON that the command line wrote on standard error. */
export type CliEvent = Readonly<Record<string, unknown>> & { readonly event: string };

/**
 * The fields that commands print with --json. Each command prints some of them: a test that reads
 * another one gets undefined and fails.
 */
export interface CommandOutput {
  readonly timestamp: string;
  readonly status: string;
  readonly rows: number;
  readonly writerWaitMs: number;
  readonly objects: number;
  readonly carriedBytes: number;
  readonly readBytes: number;
  readonly storedBytes: number;
  readonly bytes: number;
  readonly root: string;
  readonly sets: readonly {
    readonly timestamp: string;
    readonly status: string;
    readonly keptBy?: readonly string[];
  }[];
  readonly freed: readonly { readonly timestamp: string; readonly packsKept: number }[];
  readonly retention?: { readonly state: string };
  readonly expiry?: { readonly expired: readonly string[] };
  readonly manifest: Manifest;
  readonly chosen: boolean;
  readonly leftEmpty: readonly { readonly schema: string; readonly name: string }[];
  readonly verdict: Verdict;
  readonly checked: Verdict['checked'];
  readonly contents: readonly {
    readonly content: number;
    readonly peakMemoryBytes: number;
    readonly storedBytes: number;
  }[];
  readonly copied: { readonly objects: number };
  readonly failures: readonly {
    readonly content?: number;
    readonly code: string;
    readonly message: string;
  }[];
  readonly problems: readonly Problem[];
  readonly leftOut: readonly (DefinedObject & Problem)[];
  readonly secrets: readonly DefinedObject[];
  readonly targetChanged: boolean | null;
  readonly rolesKept?: { readonly total: number; readonly names: readonly string[] };
  readonly leavesLargeObjects?: true;
  readonly overdue: readonly string[];
  readonly uploadsAborted: number;
  readonly storage?: StorageRetries;
  readonly fields: readonly Readonly<Record<'field' | 'value' | 'source' | 'name', unknown>>[];
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly where: Where;
    readonly hint: string;
  };
}

export interface CliResult {
  /** Null when a signal ended the process. */
  readonly code: number | null;
  /** The JSON document on standard output; undefined when the command printed none. */
  readonly json: CommandOutput;
  readonly stderrEvents: readonly CliEvent[];
  /** All of standard output, then all of standard error. */
  readonly text: string;
}

/** A process of the command line. */
export interface RunningCli {
  readonly pid: number;
  /** The events that it has written so far. */
  readonly events: readonly CliEvent[];
  /** Calls `listener` for each event, including those that were written before. */
  onEvent(listener: (event: CliEvent) => void): void;
  /** The first event of this name that matches. @throws when the command ends without it. */
  waitForEvent(event: string, matches?: (event: CliEvent) => boolean): Promise<CliEvent>;
  kill(signal: NodeJS.Signals): void;
  /** Closes the reading end of a pipe, as `| head -1` or the end of a terminal does. */
  closeOutput(stream: 'stdout' | 'stderr'): void;
  readonly ended: Promise<CliResult>;
}

export interface CliOptions {
  /** Path of the configuration file. */
  readonly config?: string;
  /** Added to PATH and HOME, which are passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** True: the command runs without --json, as a user sees it. */
  readonly plain?: boolean;
  /** True: runs the sources, also where the programs are built. */
  readonly fromSource?: boolean;
}

/** Starts the command line in its own process. */
export function startStowage(args: readonly string[], options: CliOptions = {}): RunningCli {
  const { config, env = {}, plain = false, fromSource = false } = options;
  const child = spawn(
    process.execPath,
    [
      // Those of its first line, which a start by Node does not read.
      ...COORDINATOR_FLAGS,
      fromSource ? STOWAGE_SOURCE : STOWAGE,
      ...args,
      ...(config === undefined ? [] : ['--config', config]),
      ...(plain ? [] : ['--json', '--log-level', 'silent']),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    },
  );
  const events: CliEvent[] = [];
  const listeners: ((event: CliEvent) => void)[] = [];
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  createInterface({ input: child.stderr }).on('line', (line) => {
    err += `${line}\n`;
    const event = parseEvent(line);
    if (event === undefined) return;
    events.push(event);
    for (const listener of listeners) listener(event);
  });
  const ended = once(child, 'close').then(([code]): CliResult => {
    const text = out + err;
    return {
      code: code as number | null,
      json: (plain ? undefined : parseDocument(out, text)) as CommandOutput,
      stderrEvents: events,
      text,
    };
  });
  ended.catch(() => undefined);
  const onEvent = (listener: (event: CliEvent) => void) => {
    events.forEach(listener);
    listeners.push(listener);
  };
  return {
    pid: child.pid ?? -1,
    events,
    onEvent,
    async waitForEvent(name, matches = () => true) {
      const seen = new Promise<CliEvent>((resolve) => {
        onEvent((event) => {
          if (event.event === name && matches(event)) resolve(event);
        });
      });
      const over = ended.then(({ code, text }) => {
        throw new Error(`stowage ${args.join(' ')} ended with ${code} before "${name}": ${text}`);
      });
      return Promise.race([seen, over]);
    },
    kill: (signal) => void child.kill(signal),
    closeOutput: (stream) => void child[stream].destroy(),
    ended,
  };
}

/** Runs a command to its end. */
export function stowage(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startStowage(args, options).ended;
}

/**
 * Why a command failed; undefined when it succeeded. A test asserts undefined first, so that a
 * failing test shows the output of the command.
 */
export function failureOf({ code, text }: CliResult): string | undefined {
  return code === 0 ? undefined : `exit code ${code}: ${text}`;
}

/** Writes a stowage.yaml, which encrypts when the suite does; returns its path. */
export async function writeConfig(
  path: string,
  config: Readonly<Record<string, unknown>>,
): Promise<string> {
  await writeFile(path, stringify({ ...config, ...(await suiteEncryption(config)) }));
  return path;
}

function parseEvent(line: string): CliEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'event' in value
      ? (value as CliEvent)
      : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Error unless standard output is one JSON document on one line, as --json promises. */
function parseDocument(out: string, text: string): unknown {
  if (out === '') return undefined;
  const lines = out.split('\n');
  if (lines.length !== 2 || lines[1] !== '')
    throw new Error(`standard output is not one JSON document on one line: ${text}`);
  return JSON.parse(lines[0] ?? '');
}
