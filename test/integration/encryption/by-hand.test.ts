import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { identityToRecipient } from 'age-encryption';
import { expect, test } from 'vitest';
import { sha256 } from '../../../backup-set/base/document.ts';
import { parseIdentities } from '../../../encryption/identities.ts';
import { unwrap, wrapFor } from '../../../encryption/wrap.ts';
import { expectedOf, GOLDEN } from '../../golden/made.ts';
import { rowSum } from '../../model/truth.ts';

const run = promisify(execFile);
const SCRIPT = resolve(import.meta.dirname, '../../../docs/open-set.mjs');
const PYTHON = resolve(import.meta.dirname, '../../../.venv/bin/python');
const ROOT = join(GOLDEN, 'v1-encrypted/root');
const IDENTITY = join(GOLDEN, 'v1-encrypted/identity.txt');
/** Some of its packs lie in the set before it, under the key of that set. */
const TIMESTAMP = '20261130035601';
const SET = [ROOT, TIMESTAMP, IDENTITY];
const OPTIONS = { encoding: 'buffer', maxBuffer: 1e8 } as const;

const open = async (...args: string[]) =>
  (await run(process.execPath, [SCRIPT, ...args], OPTIONS)).stdout;
const hasProgram = (program: string, ...args: string[]) =>
  run(program, args).then(
    () => true,
    () => false,
  );

test('the script of docs/restore-by-hand.md opens rows and files of an encrypted set without Stowage', async () => {
  const expected = JSON.parse(await readFile(join(GOLDEN, 'v1-encrypted/expected.json'), 'utf8'));
  const listed = (await open(...SET)).toString();
  const tables = expected[TIMESTAMP]['0'] as Record<string, string>;
  for (const [name, sum] of Object.entries(tables)) {
    expect(listed).toContain(`\t${name}\n`);
    const rows = rowSum();
    rows.add(await open(...SET, ...name.split('.'), '0'));
    const { rows: count, digest } = rows.result();
    expect(`${count} ${digest}`, name).toBe(sum);
  }
  const schema = /^file\t(.*\/0\/.*schema\.dump)$/m.exec(listed)?.[1] ?? '';
  expect((await open(...SET, schema)).subarray(0, 5).toString()).toBe('PGDMP');
});

test('the script refuses a key document that was wrapped for another root', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'stowage-by-hand-'));
  try {
    await cp(ROOT, copy, { recursive: true });
    const recipient = await identityToRecipient(identityIn(await readFile(IDENTITY, 'utf8')));
    const { stdout } = await run(process.execPath, [SCRIPT, copy, TIMESTAMP, IDENTITY]);
    expect(stdout).toContain('orders');
    const folder = join(copy, 'sets', TIMESTAMP.slice(0, 8), TIMESTAMP, 'keys');
    const [name = ''] = await readdir(folder);
    const document = JSON.parse(await readFile(join(folder, name), 'utf8')) as { age: string };
    const age = await parseIdentities(await readFile(IDENTITY, 'utf8'), IDENTITY);
    const wrapped = JSON.parse(String(await unwrap({ age }, document.age))) as object;
    const moved = JSON.stringify({ ...wrapped, root: 's3://another/root' });
    document.age = await wrapFor(recipient, Buffer.from(`${moved}\n`));
    await writeFile(join(folder, name), JSON.stringify(document));
    await expect(run(process.execPath, [SCRIPT, copy, TIMESTAMP, IDENTITY])).rejects.toMatchObject({
      stderr: expect.stringContaining('is a key of root s3://another/root'),
    });
  } finally {
    await rm(copy, { recursive: true });
  }
});

test('the script refuses the manifest of another set', async () => {
  const copy = await mkdtemp(join(tmpdir(), 'stowage-by-hand-'));
  try {
    await cp(ROOT, copy, { recursive: true });
    const day = join(copy, 'sets', TIMESTAMP.slice(0, 8));
    const other = (await readdir(day)).find((set) => set !== TIMESTAMP) ?? '';
    await cp(join(day, other), join(day, TIMESTAMP), { recursive: true });
    await expect(run(process.execPath, [SCRIPT, copy, TIMESTAMP, IDENTITY])).rejects.toMatchObject({
      stderr: expect.stringContaining(`manifest.json is of set ${other}`),
    });
  } finally {
    await rm(copy, { recursive: true });
  }
});

const identityIn = (text: string) => /AGE-SECRET-KEY-1\w+/.exec(text)?.[0] ?? '';

test('the script opens files of gpbackup, each with the key of its host', async () => {
  const golden = join(GOLDEN, 'v1-gpbackup-encrypted');
  const expected = await expectedOf('v1-gpbackup-encrypted');
  const [[timestamp = '', contents = {}] = []] = Object.entries(expected);
  const set = [join(golden, 'root'), timestamp, join(golden, 'identity.txt')];
  const listed = (await open(...set)).toString();
  for (const content of ['-1', '1']) {
    const [name = '', sum] = Object.entries(contents[content] ?? {})[0] ?? [];
    const file = await open(
      ...set,
      new RegExp(`^file\\t(.*/${name})$`, 'm').exec(listed)?.[1] ?? '',
    );
    expect(`${file.length} ${sha256(file)}`, name).toBe(sum);
  }
});

test.runIf(await hasProgram('age', '--version'))(
  'the program age unwraps the key of a set, and the script takes it instead of an identity',
  async () => {
    const env: NodeJS.ProcessEnv = { ...process.env };
    for (const set of await readdir(join(ROOT, 'sets/20261130'))) {
      const folder = join(ROOT, 'sets/20261130', set, 'keys');
      const [name = ''] = await readdir(folder);
      const { age } = JSON.parse(await readFile(join(folder, name), 'utf8')) as { age: string };
      const unwrapping = run('age', ['-d', '-i', IDENTITY]);
      unwrapping.child.stdin?.end(age);
      const { key, timestamp } = JSON.parse((await unwrapping).stdout);
      expect(timestamp).toBe(set);
      env[`SET_KEY_${set}`] = String(key);
    }
    const args = [SCRIPT, ROOT, TIMESTAMP, '/dev/null', 'public', 'orders', '0'];
    const { stdout } = await run(process.execPath, args, { ...OPTIONS, env });
    expect(stdout.equals(await open(...SET, 'public', 'orders', '0'))).toBe(true);
  },
);

test.runIf(await hasProgram(PYTHON, '-c', 'import cryptography'))(
  'an independent reader in Python opens the same rows',
  async () => {
    const reader = join(import.meta.dirname, 'open_set.py');
    for (const table of ['orders', 'kept']) {
      const { stdout } = await run(PYTHON, [reader, ...SET, 'public', table], OPTIONS);
      expect(stdout.length).toBeGreaterThan(1000);
      expect(stdout.equals(await open(...SET, 'public', table)), table).toBe(true);
    }
  },
);
