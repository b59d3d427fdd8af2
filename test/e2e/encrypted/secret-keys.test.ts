import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateIdentity } from 'age-encryption';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { mapInFlight } from '../../../async/each-in-flight.ts';
import { stowage } from '../../support/cli.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { directoryPlace, type Place } from '../../support/e2e/place.ts';
import { SHIPPER } from '../../support/programs/programs.ts';

/**
 * An operator puts a secret into a wrong place. Nothing that a program prints may have it:
 * terminals are recorded, and logs are collected.
 */
let place: Place;
let keys: TestKeys;
let age = '';
const s3 = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';

beforeAll(async () => {
  place = await directoryPlace();
  keys = await testKeys(place.folder);
  age = await generateIdentity();
});
afterAll(() => place?.stop());

type Yaml = Readonly<Record<string, unknown>>;

/** Mistakes at every kind of place. Each is printed, with its line of the file. */
const mistakes = (secret: string): Yaml => ({
  [secret]: 1,
  cluster: secret,
  functions: secret,
  database: { [secret]: [secret] },
  segments: [{ content: 0, host: secret, [secret]: 1 }],
  storage: { [secret]: { region: 'x' } },
  shippers: { workers: secret },
  encryption: {
    recipients: [secret, `${secret}x`],
    identityCommand: ['echo', secret],
    agents: { [secret]: keys.recipient, '0': secret },
    [secret]: 'x',
  },
});

/** Values that a configuration may have. */
const values = (secret: string): Yaml => ({
  cluster: secret,
  segments: [{ content: 0, host: secret, port: 1 }],
  backup: { includeTables: [`public.${secret}`] },
  encryption: {
    recipients: [keys.recipient],
    identityFile: [keys.identityFile, secret],
    digestKeyFile: `/nowhere/${secret}`,
    agents: { [secret]: keys.recipient },
  },
});

/** Command lines with a secret. */
const COMMANDS: readonly ((secret: string) => string[])[] = [
  (secret) => [secret],
  (secret) => ['list', secret, secret],
  (secret) => ['list', `--${secret}`],
  (secret) => ['list', `--${secret}=${secret}`],
  (secret) => ['show', secret],
  (secret) => ['key', 'add', secret],
  (secret) => ['key', secret],
  (secret) => ['key', 'test', '--identity', secret],
  (secret) => ['key', 'new', `/nowhere/${secret}`],
  (secret) => ['backup', '--tag', secret, '--base', secret],
  (secret) => ['backup', '--log-level', secret],
  (secret) => ['restore', secret, '--map', secret],
  (secret) => ['cat', secret, secret],
  (secret) => ['help', secret],
  (secret) => ['list', '--config', `/nowhere/${secret}.yaml`],
  (secret) => ['list', '--root', `ftp://${secret}@host/x`],
];

async function fileOf(name: string, more: Yaml): Promise<string> {
  const path = join(place.folder, `${name.replaceAll(' ', '-')}.yaml`);
  const segments = [{ content: 0, host: '127.0.0.1', port: 1 }];
  const config = { root: place.newRoot(), database: 'd', segments, ...more };
  await writeFile(path, stringify(config));
  return path;
}

/** Both forms of the output, with the whole log. */
async function printed(args: readonly string[], config?: string): Promise<string> {
  const given = { env: { AWS_SECRET_ACCESS_KEY: s3 }, ...(config && { config }) };
  const lines = await stowage([...args, '--log-level', 'debug'], { ...given, plain: true });
  const json = await stowage([...args, '--json', '--log-level', 'debug'], {
    ...given,
    plain: true,
  });
  return `${lines.text}\n${json.text}`;
}

const IN_FLIGHT = 4;
const secrets = () => [age, age.toLowerCase(), s3];

test('no secret in a configuration is printed, by the command that shows it or by another', async () => {
  const runs = secrets().flatMap((secret, nth) =>
    [mistakes, values].map((make) => ({ secret, name: `${make.name}-${nth}`, make })),
  );
  const found = await mapInFlight(runs, IN_FLIGHT, async ({ secret, name, make }) => {
    const config = await fileOf(name, make(secret));
    const shown = await printed(['config'], config);
    // It shows what it has read, without the secret.
    expect(shown, name).toContain(make === mistakes ? 'unknown field' : 'digestKeyFile');
    const text = `${shown}\n${await printed(['key', 'test'], config)}`;
    return isIn(text, secret) ? [`${name}: ${text}`] : [];
  });
  expect(found.flat()).toEqual([]);
});

test('no secret on a command line is printed', async () => {
  const config = await fileOf('plain', {});
  const found = await mapInFlight([...COMMANDS.entries()], IN_FLIGHT, async ([nth, command]) => {
    const secret = secrets()[nth % 3] ?? '';
    const args = command(secret);
    const text = await printed(args, args.includes('--config') ? undefined : config);
    return isIn(text, secret) ? [`${args.join(' ')}: ${text}`] : [];
  });
  expect(found.flat()).toEqual([]);
});

test('the program of a segment host prints no secret key of its arguments or its configuration', async () => {
  const file = join(place.folder, `agent.yaml`);
  await writeFile(file, stringify({ root: place.newRoot(), [age]: 1, contents: { [age]: age } }));
  await chmod(file, 0o600);
  for (const args of [[age], ['agent', age], [`--${age}`], ['agent', '--config', file]]) {
    const text = await runShipper(args);
    expect(text, args.join(' ')).not.toBe('');
    expect(isIn(text, age), text).toBe(false);
  }
});

/** Twelve characters that follow each other are no chance. */
function isIn(text: string, secret: string): boolean {
  const rest = secret.replace(/^AGE-SECRET-KEY-1/i, '');
  const flat = text.replaceAll(/\s+/g, '').toLowerCase();
  const pieces = Array.from({ length: rest.length - 12 }, (_, at) => rest.slice(at, at + 12));
  return pieces.some((piece) => flat.includes(piece.toLowerCase()));
}

async function runShipper(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [SHIPPER, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  await once(child, 'close');
  return text;
}
