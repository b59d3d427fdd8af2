/** Runs programs. The only module of the setup that starts child processes. */
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { SetupError } from './setup-error.mjs';

/** Enough of the output to show why a package manager failed, and little enough for a terminal. */
const SHOWN_CHARS = 16_384;

/**
 * Runs a program to its end. Its output is printed only when it fails, and only the end of it.
 * @throws SetupError (exit 1) naming the command.
 */
export async function runQuietly(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-SHOWN_CHARS);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const failure = await new Promise((resolve) => {
    child.on('error', (error) => resolve(`cannot be started: ${error.message}`));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`),
    );
  });
  if (failure !== undefined)
    throw new SetupError(1, `${output}\n\`${[command, ...args].join(' ')}\` ${failure}`);
}

/** The standard output of a program, trimmed; undefined when it cannot be run or fails. */
export async function outputOf(command, args, options = {}) {
  return promisify(execFile)(command, args, options).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}
