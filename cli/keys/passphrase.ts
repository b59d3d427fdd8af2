import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { StowageError } from '../../backup-set/base/errors.ts';
import type { AskPassphrase } from '../../encryption/passphrase.ts';
import { readPrivateFile } from '../../encryption/private-file.ts';
import type { Context } from '../context.ts';

const VARIABLE = 'STOWAGE_PASSPHRASE_FILE';
const ANSWER_MS = 300_000;

/**
 * The passphrase of an identity file: the first line of $STOWAGE_PASSPHRASE_FILE, or what a person
 * types at a terminal. Never an argument or a variable: other processes can read these.
 */
export function passphraseOf({ env, signal }: Pick<Context, 'env' | 'signal'>): AskPassphrase {
  const known = new Map<string, string>();
  return async (file) => {
    const path = env[VARIABLE];
    if (path !== undefined && path !== '') return firstLine(await readPrivateFile(path, USE), path);
    const before = known.get(file);
    if (before !== undefined) return before;
    if (!process.stdin.isTTY || !process.stderr.isTTY)
      throw new StowageError(
        'encryption/identity',
        `${file} is encrypted with a passphrase, and there is no terminal to ask for it: name a file with the passphrase by $${VARIABLE}`,
        { where: { field: USE.field } },
      );
    const answer = await promptHidden(`Passphrase of ${file}: `, signal);
    known.set(file, answer);
    return answer;
  };
}

const USE = { code: 'encryption/identity', field: VARIABLE } as const;

function firstLine(bytes: Buffer, path: string): string {
  const [line = ''] = bytes.toString().split(/\r?\n/);
  if (line !== '') return line;
  throw new StowageError(USE.code, `${path} is empty: its first line must be the passphrase`, {
    where: { field: USE.field },
  });
}

/** Asks at the terminal, without showing what is typed. */
async function promptHidden(question: string, signal: AbortSignal): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write(question);
  const late = AbortSignal.timeout(ANSWER_MS);
  // The terminal is in raw mode, so Ctrl-C is a key.
  const stopped = new AbortController();
  lines.once('SIGINT', () => stopped.abort());
  try {
    return await lines.question('', { signal: AbortSignal.any([signal, late, stopped.signal]) });
  } catch (cause) {
    if (!late.aborted) throw new StowageError('interrupted', 'no passphrase was typed', { cause });
    throw new StowageError(
      'encryption/identity',
      `no passphrase was typed within ${ANSWER_MS / 60_000} minutes`,
      { cause },
    );
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}

const CHARS_MIN = 12;

/** The passphrase of a new identity file: typed twice, or from $STOWAGE_PASSPHRASE_FILE. */
export async function newPassphrase(context: Pick<Context, 'env' | 'signal'>): Promise<string> {
  const path = context.env[VARIABLE];
  const isGiven = path !== undefined && path !== '';
  const ask = passphraseOf(context);
  const first = await ask('the new identity file');
  if (!isGiven && first !== (await promptHidden('The same passphrase again: ', context.signal)))
    throw new StowageError(
      'encryption/identity',
      'the two passphrases differ: nothing was written',
    );
  if (first.length >= CHARS_MIN) return first;
  throw new StowageError(
    'encryption/identity',
    `the passphrase has fewer than ${CHARS_MIN} characters: nothing was written`,
  );
}
