import { randomBytes } from 'node:crypto';
import { open, unlink } from 'node:fs/promises';
import { messageOf, StowageError } from '../../backup-set/base/errors.ts';
import { digestKeyText } from '../../encryption/digest-key.ts';
import { newIdentity } from '../../encryption/new-identity.ts';
import { sealedFile } from '../../encryption/passphrase.ts';
import { newSigningKey } from '../../encryption/signatures/signing-key.ts';
import { digestKeyId, KEY_BYTES } from '../../frame/seal/derive.ts';
import type { Flags } from '../command.ts';
import type { Context } from '../context.ts';
import { newPassphrase } from '../keys/passphrase.ts';

/** `stowage key new`: a file for each kind of key that is asked for. */
export async function newKeys(
  context: Context,
  flags: Flags,
  identityFile: string | undefined,
): Promise<number> {
  const fileOf = (flag: string) => (typeof flags[flag] === 'string' ? flags[flag] : undefined);
  const [digestFile, signingFile] = [fileOf('digestKey'), fileOf('signingKey')];
  if (identityFile === undefined && digestFile === undefined && signingFile === undefined)
    throw new StowageError(
      'usage/flag',
      'stowage key new needs the name of the identity file to write, or --digest-key FILE, or --signing-key FILE',
    );
  const lines: string[] = [];
  let recipient: string | undefined;
  if (identityFile !== undefined) {
    const made = await newIdentity(context.clock());
    const isSealed = flags['passphrase'] === true;
    const text = isSealed ? await sealedFile(made.text, await newPassphrase(context)) : made.text;
    await writePrivate(identityFile, text);
    recipient = made.recipient;
    lines.push(...identityText(identityFile, recipient, isSealed));
  }
  let digestId: string | undefined;
  if (digestFile !== undefined) {
    const key = randomBytes(KEY_BYTES);
    await writePrivate(digestFile, digestKeyText(key));
    digestId = digestKeyId(key);
    lines.push(...(lines.length > 0 ? [''] : []), ...digestText(digestFile));
  }
  let publicKey: string | undefined;
  if (signingFile !== undefined) {
    const made = newSigningKey(context.clock());
    await writePrivate(signingFile, made.text);
    publicKey = made.publicKey;
    lines.push(...(lines.length > 0 ? [''] : []), ...signingText(signingFile, publicKey));
  }
  context.output.result(
    {
      ...(recipient !== undefined && { identityFile, recipient }),
      ...(digestId !== undefined && { digestKeyFile: digestFile, digestKeyId: digestId }),
      ...(publicKey !== undefined && { signingKeyFile: signingFile, publicKey }),
    },
    lines.join('\n'),
  );
  return 0;
}

function identityText(file: string, recipient: string, isSealed: boolean): string[] {
  return [
    `identity file  ${file} (mode 0600${isSealed ? ', encrypted with the passphrase' : ''})`,
    `recipient      ${recipient}`,
    '',
    'Add the recipient to encryption.recipients. A backup needs the recipient only; a restore needs the file.',
    'A set can be read with the identity of one of its recipients, and with nothing else: without it the rows are lost.',
    `  - Keep copies of this file at two places, none of them on a database host or in the bucket${isSealed ? ', and the passphrase at another place' : ''}.`,
    '  - Make a second identity, keep it elsewhere, and list both recipients.',
    `  - Prove it before you need it: stowage key test --identity ${file}`,
    'The file opens all sets of its recipient: protect it as you protect the databases.',
  ];
}

function digestText(file: string): string[] {
  return [
    `digest key     ${file} (mode 0600)`,
    '',
    'Set encryption.digestKeyFile to it, on the coordinator only. Nothing is lost with it: without the file the next backup stores all rows. A thief of the file can make sets that your backups take rows from.',
  ];
}

function signingText(file: string, publicKey: string): string[] {
  return [
    `signing key    ${file} (mode 0600)`,
    `public key     ${publicKey}`,
    '',
    'Set shippers.signingKeyFile to the file, on the hosts that run stowage. Then add this line to agent.yaml of every agent, and restart the agents:',
    `signedBy: [${publicKey}]`,
    'Agents with this line obey only orders that the file has signed. `stowage doctor` shows which agents have it. A lost file is replaced by a new key in both places.',
  ];
}

/** @throws StowageError `file/exists`, `file/unusable`. Never replaces a file. */
async function writePrivate(path: string, text: string): Promise<void> {
  try {
    await using file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } catch (error) {
      await unlink(path);
      throw error;
    }
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST')
      throw new StowageError(
        'file/exists',
        `file ${path} exists already, and a key is never replaced: choose another name`,
        { cause },
      );
    throw new StowageError('file/unusable', `cannot write file ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
