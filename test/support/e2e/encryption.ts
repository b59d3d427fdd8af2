import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateIdentity, identityToRecipient } from 'age-encryption';
import { parseKey } from '../../../backup-set/base/keys.ts';
import { parseIdentities } from '../../../encryption/identities.ts';
import { readSetKey } from '../../../encryption/read-set-key.ts';
import { fileContext } from '../../../frame/seal/context.ts';
import { contentKey } from '../../../frame/seal/derive.ts';
import { opening } from '../../../frame/seal/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';

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
  await writeFile(digestKeyFile, `${randomBytes(32).toString('base64')}\n`);
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

let ofWorker: Promise<WorkerKeys> | undefined;

interface WorkerKeys {
  readonly operator: TestKeys;
  readonly agents: TestKeys;
}

interface SuiteConfig {
  readonly shippers?: { readonly start?: string };
  readonly segments?: readonly { readonly host: string }[];
}

/**
 * With the switch: the section for a configuration of the command line, or of an agent, that has
 * none. `encryption: undefined` says that the test is about plain sets.
 */
export async function suiteEncryption(
  config: Readonly<Record<string, unknown>>,
): Promise<{ readonly encryption?: unknown }> {
  if (!isEncryptedSuite || 'encryption' in config) return {};
  ofWorker ??= newWorkerKeys();
  const { operator, agents } = await ofWorker;
  if ('contents' in config) return { encryption: { identityFile: agents.identityFile } };
  if (!('database' in config)) return {};
  const { shippers, segments = [] }: SuiteConfig = config;
  const byHost = segments.map(({ host }): [string, string] => [host, agents.recipient]);
  return {
    encryption: {
      ...operator.section(),
      ...(shippers?.start === 'agents' && { agents: Object.fromEntries(byHost) }),
    },
  };
}

/** One set of keys for all test files of a worker: sets are restored with other configurations. */
async function newWorkerKeys(): Promise<WorkerKeys> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-keys-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return { operator: await testKeys(folder), agents: await testKeys(folder) };
}

/** The content of a metadata file, opened with the suite's identity where the suite encrypts. */
export async function suiteFile(
  store: ObjectStore,
  key: string,
): Promise<AsyncIterable<Uint8Array>> {
  const parsed = parseKey(key);
  if (ofWorker === undefined || parsed?.kind !== 'metadata') return store.get(key);
  const { identityFile } = (await ofWorker).operator;
  const age = await parseIdentities(await readFile(identityFile, 'utf8'), identityFile);
  const { timestamp, content } = parsed;
  const setKey = await readSetKey(store, { timestamp, root: store.url }, { age }, {});
  return opening(contentKey(setKey, timestamp, content), fileContext(key), store.get(key));
}
