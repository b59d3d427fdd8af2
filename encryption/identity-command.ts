import { describeExit, runToEnd } from '../async/child-process.ts';
import { messageOf, StowageError } from '../backup-set/base/errors.ts';

/** Long enough for a person that confirms at a password manager. */
const TIMEOUT_MS = 120_000;
const OUTPUT_CHARS_MAX = 256 * 1024;
const QUOTED_CHARS_MAX = 300;

/**
 * What `encryption.identityCommand` prints. Runs without a shell.
 * @throws StowageError `encryption/identity`. It quotes standard error, never the output.
 */
export async function runIdentityCommand(
  [program = '', ...args]: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string> {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const abort = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  const failed = (reason: string, cause?: unknown) =>
    new StowageError('encryption/identity', `encryption.identityCommand: ${program} ${reason}`, {
      cause,
      where: { field: 'encryption.identityCommand' },
    });
  let ended: Awaited<ReturnType<typeof runToEnd>>;
  try {
    ended = await runToEnd(program, args, { abort, outputCharsMax: OUTPUT_CHARS_MAX });
  } catch (cause) {
    throw failed(`cannot be started (${messageOf(cause)})`, cause);
  }
  const { code, stdout, stderr } = ended;
  if (timeout.aborted) throw failed(`did not end within ${TIMEOUT_MS / 1000} seconds`);
  if (signal?.aborted === true) throw new StowageError('interrupted', 'stopped by a signal');
  if (code !== 0) throw failed(`failed: ${describeExit(ended)}${quoted(stderr)}`);
  return stdout;
}

/** The end of an error text, without what could be an identity. */
function quoted(text: string): string {
  const shown = text
    .trim()
    .replaceAll(/AGE-[\w-]*/gi, 'AGE-…')
    .slice(-QUOTED_CHARS_MAX);
  return shown === '' ? '' : `: ${shown}`;
}
