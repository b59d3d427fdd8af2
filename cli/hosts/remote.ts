import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { onAbort } from '../../async/abort.ts';
import { describeExit, exitOf, tailOf, terminate } from '../../async/child-process.ts';
import { watchSilence } from '../../async/watch/silence.ts';
import { StowageError } from '../../backup-set/base/errors.ts';
import { textAfterMark } from '../adopt/files/after-mark.ts';

/** How to run a command on a host. */
export interface HostShell {
  readonly host: string;
  /** The words before the remote command: `ssh -o BatchMode=yes sdw1`. */
  readonly command: readonly string[];
  /** A host that is silent for longer is given up. */
  readonly silentMsMax: number;
  readonly signal: AbortSignal;
}

const KILL_AFTER_MS = 5_000;
const OUTPUT_CHARS_MAX = 64 * 1024;
const QUOTED_CHARS_MAX = 300;

/**
 * Runs a script of `sh` on the host, on one line because other shells pass it on. `input` is a file
 * that it reads as its standard input.
 * @returns what the script printed, without the text of the login shell before it
 * @throws StowageError `hosts/unreachable` when the script did not begin, `hosts/install` when it
 * ended with another exit code than 0, or was silent for too long
 */
export async function runOnHost(
  { host, command: [program = 'ssh', ...args], silentMsMax, signal }: HostShell,
  script: string,
  input?: string,
): Promise<string> {
  signal.throwIfAborted();
  const mark = `stowage-${randomUUID()}`;
  const marked = `echo ${mark}; echo ${mark} >&2; ${script}`;
  const child = spawn(program, [...args, `sh -c ${quoted(marked)}`], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const exit = exitOf(child);
  const [output, errors] = [
    tailOf(child.stdout, OUTPUT_CHARS_MAX),
    tailOf(child.stderr, OUTPUT_CHARS_MAX),
  ];
  let isSilent = false;
  const end = () => void terminate(child, KILL_AFTER_MS);
  using _abort = onAbort(signal, end);
  using _silence = watchSilence({
    afterMs: silentMsMax,
    look: () => `${(child.stdin as Socket | null)?.bytesWritten ?? 0} ${output.text().length}`,
    onSilent() {
      isSilent = true;
      end();
    },
  });
  try {
    // A script that ends early closes its input; its exit code says why.
    if (input !== undefined && child.stdin !== null)
      await pipeline(createReadStream(input), child.stdin).catch(() => undefined);
    const ended = await exit.catch((cause: Error) => {
      throw new StowageError(
        'hosts/unreachable',
        `${host}: cannot run ${program}: ${cause.message}`,
      );
    });
    signal.throwIfAborted();
    const text = output.text();
    const hasBegun = text.includes(`${mark}\n`);
    const why = isSilent
      ? `silent for ${silentMsMax / 1000} s`
      : reason(textAfterMark(errors.text(), mark), describeExit(ended));
    if (!hasBegun)
      throw new StowageError('hosts/unreachable', `${host}: no command can be run there: ${why}`);
    if (ended.code !== 0 || isSilent) throw new StowageError('hosts/install', `${host}: ${why}`);
    return textAfterMark(text, mark);
  } finally {
    await terminate(child, KILL_AFTER_MS);
  }
}

function reason(errors: string, exit: string): string {
  const said = errors.trim().replaceAll(/\s*\n\s*/g, '; ');
  return said === '' ? exit : said.slice(-QUOTED_CHARS_MAX);
}

/** A word for `sh`. */
export const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
