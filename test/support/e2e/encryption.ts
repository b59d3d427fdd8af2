import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';

/** The keys of an operator who encrypts backups. */
export interface TestKeys {
  readonly identityFile: string;
  readonly digestKeyFile: string;
  readonly recipient: string;
  /** The section of stowage.yaml; `identityFile` only where the command may read rows. */
  section(mayRead?: boolean): Readonly<Record<string, unknown>>;
}

let made = 0;

/** A new identity and digest key in a folder. */
export async function testKeys(folder: string): Promise<TestKeys> {
  await mkdir(folder, { recursive: true });
  const identity = await generateIdentity();
  const recipient = await identityToRecipient(identity);
  made += 1;
  const identityFile = join(folder, `identity-${made}.txt`);
  const digestKeyFile = join(folder, `digest-${made}.key`);
  await writeFile(identityFile, `# public key: ${recipient}\n${identity}\n`);
  await writeFile(digestKeyFile, `${Buffer.alloc(32, made).toString('base64')}\n`);
  for (const file of [identityFile, digestKeyFile]) await chmod(file, 0o600);
  return {
    identityFile,
    digestKeyFile,
    recipient,
    section: (mayRead = true) => ({
      recipients: [recipient],
      digestKeyFile,
      ...(mayRead && { identityFile }),
    }),
  };
}
