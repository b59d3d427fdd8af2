import { rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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

/**
 * The switch of the suite: configurations that say nothing of encryption encrypt (docs/testing.md).
 */
export const isEncryptedSuite = process.env['STOWAGE_TEST_ENCRYPTED'] === '1';

let ofWorker: Promise<TestKeys> | undefined;

/** With the switch: the section for a configuration of the command line that has none. */
export async function suiteEncryption(
  config: Readonly<Record<string, unknown>>,
): Promise<{ readonly encryption?: unknown }> {
  // `encryption: undefined` says that the test is about plain sets; an agent's file has no section.
  if (!isEncryptedSuite || 'encryption' in config || !('database' in config)) return {};
  ofWorker ??= newWorkerKeys();
  return { encryption: (await ofWorker).section() };
}

/**
 * One key pair for all test files of a worker: a set may be restored with another configuration.
 */
async function newWorkerKeys(): Promise<TestKeys> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-keys-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return testKeys(folder);
}
