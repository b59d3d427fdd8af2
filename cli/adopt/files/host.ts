import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { onAbort } from '../../../async/abort.ts';
import { describeExit, exitOf, tailOf, terminate } from '../../../async/child-process.ts';
import { watchSilence } from '../../../async/watch/silence.ts';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { afterMark, textAfterMark } from './after-mark.ts';
import type { SourceFile, SourceFiles } from './source-files.ts';

/** How to run a command on another host. */
export interface RemoteHost {
  readonly host: string;
  /** The words before the remote command: `ssh -o BatchMode=yes sdw1`. */
  readonly command: readonly string[];
  /** A host that is silent for longer ends the reading. */
  readonly silentMsMax: number;
}

const DEPTH_MAX = 8;
const KILL_AFTER_MS = 5_000;
const ERROR_CHARS_MAX = 2_000;
/** Names of a listing: bounds the memory. */
const LISTING_BYTES_MAX = 256 * 1024 * 1024;
/** As in folder.ts: folders of a data directory that hold no files of a backup. */
const PRUNED = "\\( -name base -o -name global -o -name 'pg_*' -o -name '.*' \\)";

/** The files below a folder of another host, which `find` lists and `cat` reads there. */
export function filesOfHost(remote: RemoteHost, folder: string): SourceFiles {
  const root = posix.resolve('/', folder);
  const place = `${remote.host}:${root}`;
  return {
    place,
    async list(signal, below = '') {
      const within = quoted(posix.join(root, below));
      const find = `find -L ${within} -mindepth 1 -maxdepth ${DEPTH_MAX} \\( -type d ${PRUNED} -prune \\) -o -type f -printf '%s %p\\0'`;
      const script = `cd ${quoted(root)} && if test -d ${within}; then ${find}; fi`;
      const [chunks, doing]: [Buffer[], string] = [[], `listing ${place}`];
      let bytes = 0;
      for await (const chunk of outputOf(remote, script, doing, signal)) {
        bytes += chunk.length;
        if (bytes > LISTING_BYTES_MAX) throw failed(doing, 'it has too many files');
        chunks.push(chunk);
      }
      return filesIn(Buffer.concat(chunks).toString('utf8'), root);
    },
    async open(name, signal) {
      const script = `exec cat -- ${quoted(posix.join(root, name))}`;
      const chunks = outputOf(remote, script, `reading ${place}/${name}`, signal);
      return Readable.from(chunks, { objectMode: false });
    },
    async close() {},
  };
}

function filesIn(listing: string, root: string): SourceFile[] {
  return listing.split('\0').flatMap((line): SourceFile[] => {
    const [, size, path] = /^(\d+) (.*)$/s.exec(line) ?? [];
    if (size === undefined || path === undefined) return [];
    return [{ name: posix.relative(root, path), bytes: Number(size) }];
  });
}

/**
 * The output of a command on the host, as fast as the consumer takes it.
 * @throws StowageError `adopt/unreachable` with the standard error of the host, when the command
 * does not end with exit code 0, or is silent for too long.
 */
async function* outputOf(
  { command: [program = 'ssh', ...args], silentMsMax }: RemoteHost,
  script: string,
  doing: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  signal.throwIfAborted();
  const mark = `stowage-${randomUUID()}`;
  const marked = `echo ${mark}; echo ${mark} >&2; ${script}`;
  const child = spawn(program, [...args, `sh -c ${quoted(marked)}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = exitOf(child);
  const errors = tailOf(child.stderr, ERROR_CHARS_MAX);
  const end = () => void terminate(child, KILL_AFTER_MS);
  let [received, isAwaited, isSilent] = [0, true, false];
  using _abort = onAbort(signal, end);
  using _silence = watchSilence({
    afterMs: silentMsMax,
    // While the consumer is busy, nothing is expected of the host.
    look: () => (isAwaited ? received : undefined),
    onSilent() {
      isSilent = true;
      end();
    },
  });
  try {
    for await (const chunk of afterMark(child.stdout, mark)) {
      received += chunk.length;
      isAwaited = false;
      yield chunk;
      isAwaited = true;
    }
    const ended = await exit.catch((error: Error) => {
      throw failed(doing, error.message);
    });
    signal.throwIfAborted();
    if (isSilent) throw failed(doing, `the host was silent for ${silentMsMax / 1000} s`);
    const said = textAfterMark(errors.text(), mark).trim();
    if (ended.code !== 0)
      throw failed(doing, `${describeExit(ended)}${said === '' ? '' : `: ${said}`}`);
  } finally {
    await terminate(child, KILL_AFTER_MS);
  }
}

export const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const failed = (doing: string, why: string) =>
  new StowageError('adopt/unreachable', `${doing} failed: ${why}`);
