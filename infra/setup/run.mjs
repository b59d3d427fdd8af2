import { spawn } from 'node:child_process';
import { SetupError } from './setup-error.mjs';

/** Enough to show why a package manager failed, not enough to fill a terminal. */
const SHOWN_BYTES = 16_384;

/**
 * Runs a program and keeps its output to itself; shows the end of it only when the program fails.
 * @throws SetupError (exit 1) naming the command.
 */
export async function runQuietly(command, args, options = {}) {
  const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk) => {
    output = (output + chunk).slice(-SHOWN_BYTES);
  };
  child.stdout.setEncoding('utf8').on('data', keep);
  child.stderr.setEncoding('utf8').on('data', keep);
  const ended = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) =>
      resolve(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`),
    );
  });
  if (ended !== undefined)
    throw new SetupError(1, `${output}\n\`${[command, ...args].join(' ')}\` ${ended}`);
}
