import { spawn } from 'node:child_process';
import { onAbort } from '../../../async/abort.ts';
import {
  closePipes,
  describeExit,
  exitOf,
  tailOf,
  terminate,
} from '../../../async/child-process.ts';
import { answerText, type Sender } from './channel.ts';

const OUTPUT_CHARS_MAX = 2_000;
const KILL_AFTER_MS = 2_000;
/** The environment of `serve` holds secrets that this program has no use for. */
const PASSED = ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

/** Runs a program, without a shell, with the body as JSON on its standard input. */
export function commandSender(
  [program = '', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Sender {
  const passed = Object.fromEntries(PASSED.map((name) => [name, env[name]]));
  return async ({ body }, signal) => {
    signal.throwIfAborted();
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], env: passed });
    const exit = exitOf(child);
    const stdout = tailOf(child.stdout, OUTPUT_CHARS_MAX);
    const stderr = tailOf(child.stderr, OUTPUT_CHARS_MAX);
    // A program can start another one in the background, and end.
    child.once('exit', () => closePipes(child));
    using _ = onAbort(signal, () => void terminate(child, KILL_AFTER_MS));
    // A program need not read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(body)}\n`);
    const ended = await exit;
    signal.throwIfAborted();
    const said = answerText(stderr.text() || stdout.text());
    const answer = said === '' ? describeExit(ended) : `${describeExit(ended)}: ${said}`;
    if (ended.code === 0) return answer;
    throw new Error(answer);
  };
}
