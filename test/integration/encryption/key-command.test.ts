import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { decode, encode } from '../../../backup-set/base/document.ts';
import { formatKey, setKeysPrefix } from '../../../backup-set/base/keys.ts';
import { SetKeyDocument } from '../../../backup-set/documents/keys/set-key.ts';
import { committedSet } from '../../../backup-set/testing/committed/committed-set.ts';
import { ENCRYPTED } from '../../../backup-set/testing/plans.ts';
import { keyCommand } from '../../../cli/key/command.ts';
import { NO_SCREEN } from '../../../cli/output/table/screen.ts';
import { makeSetKey } from '../../../encryption/set-key.ts';
import { readSigningKey } from '../../../encryption/signatures/signing-key.ts';
import { openStore } from '../../../storage/open.ts';
import type { ObjectStore } from '../../../storage/store.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { fakeKms, KMS_ARN } from '../../support/kms.ts';

const ROOT_IN_PLANS = 's3://backups/shop';
const SETS = ['20260131120000', '20260201120000', '20260202120000'];
let [folder, root] = ['', ''];
let store: ObjectStore;
let [old, second, other]: TestKeys[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-key-'));
  root = pathToFileURL(join(folder, 'root')).href;
  await mkdir(join(folder, 'root'));
  store = await openStore({ root });
  [old, second, other] = [await testKeys(folder), await testKeys(folder), await testKeys(folder)];
  for (const [at, timestamp] of SETS.entries()) {
    const recipients = [old, ...(at === 0 ? [] : [second])].map((each) => each?.recipient ?? '');
    const set = { timestamp, root: ROOT_IN_PLANS };
    const { document } = await makeSetKey({ recipients }, set, { wrappedAt: new Date(0) });
    await storeKey(document, 0);
    // The last set has no plan: it has expired, and newer sets use its packs.
    if (at < 2) await storePlan(timestamp, document.keyId);
  }
  await storePlan('20260203120000', undefined);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function storePlan(timestamp: string, keyId: string | undefined) {
  const encrypted = keyId === undefined ? {} : { ...ENCRYPTED, encryption: { keyId } };
  const tables = [{ name: 't', rows: 1 }];
  const made = committedSet({ ...encrypted, timestamp, root: ROOT_IN_PLANS, tables });
  const [plan] = made.documents;
  if (plan !== undefined) await store.create(plan.key, plan.bytes);
}

const storeKey = (document: SetKeyDocument, at: number) => {
  const { timestamp } = document;
  const instant = `2026020500000000${at}`;
  return store.create(
    formatKey({ kind: 'set-key', timestamp, instant }),
    encode(SetKeyDocument, document),
  );
};

/** `stowage key …` in this process. */
async function key(
  positional: string[],
  flags: Record<string, unknown> = {},
  given: readonly (TestKeys | undefined)[] | object = [second, other],
) {
  const config = join(folder, 'stowage.yaml');
  const more = Array.isArray(given)
    ? { encryption: { recipients: given.map((each: TestKeys | undefined) => each?.recipient) } }
    : given;
  const segments = [{ content: 0, host: 'localhost' }];
  await writeFile(config, JSON.stringify({ root, database: 'd', segments, ...more }));
  let [value, text]: [unknown, string] = [undefined, ''];
  const output = {
    ...{ json: false, live: false, screen: NO_SCREEN, drawnOn: NO_SCREEN },
    result: (...given: [unknown, string]) => {
      [value, text] = given;
    },
    note: () => undefined,
    draw: () => undefined,
  };
  const context = {
    ...{ env: {}, clock: () => new Date(), output },
    ...{ signal: new AbortController().signal, log: pino({ level: 'silent' }) },
  };
  const code = await keyCommand.run({ flags: { config, ...flags }, positional, context });
  return { code, text, value: value as Record<string, unknown> };
}

test('key rotate wraps the keys of all sets for KMS, and the next rotate opens them with KMS alone', async () => {
  const server = await fakeKms();
  try {
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    const own = join(folder, 'of-kms');
    const at = await openStore({ root: pathToFileURL(own).href });
    const keyIds: string[] = [];
    for (const timestamp of SETS) {
      const set = { timestamp, root: at.url };
      const wrapping = { recipients: [old?.recipient ?? ''] };
      const { document } = await makeSetKey(wrapping, set, { wrappedAt: new Date(0) });
      keyIds.push(document.keyId);
      const key = formatKey({ kind: 'set-key', timestamp, instant: `${timestamp}000` });
      await at.create(key, encode(SetKeyDocument, document));
    }
    const stored = async () => {
      const found: SetKeyDocument[] = [];
      for await (const { key: name } of at.list('sets/'))
        found.push(
          decode(SetKeyDocument, { key: name, bytes: await at.read(name, { bytesMax: 1e6 }) }),
        );
      return found;
    };
    const rotate = (encryption: object) =>
      key(['rotate'], { yes: true }, { root: at.url, encryption });
    const kms = 'arn:aws:kms:eu-central-1:111122223333:alias/backups';
    const there = await rotate({ kms, identityFile: old?.identityFile });
    expect(there.code, there.text).toBe(0);
    for (const { recipients, age } of await stored())
      expect([recipients, age]).toEqual([[{ kind: 'kms', keyArn: KMS_ARN }], undefined]);
    expect(server.requests.map(({ target }) => target)).toEqual(SETS.map(() => 'Encrypt'));
    const back = await rotate({ recipients: [second?.recipient], kms });
    expect(back.code, back.text).toBe(0);
    const documents = await stored();
    expect(documents.map(({ keyId }) => keyId)).toEqual(keyIds);
    for (const { recipients } of documents)
      expect(recipients.map(({ kind }) => kind)).toEqual(['age', 'kms']);
    expect(server.requests.filter(({ target }) => target === 'Decrypt')).toMatchObject(
      SETS.map(() => ({ EncryptionContext: { root: at.url } })),
    );
    await at.close();
  } finally {
    vi.unstubAllEnvs();
    server.close();
  }
});

const documentsOf = async (timestamp: string) =>
  (await Array.fromAsync(store.list(setKeysPrefix(timestamp)))).map((each) => each.key);

test('key new writes files that only their owner may read, and never replaces one', async () => {
  const file = join(folder, 'new.key');
  const digestKey = join(folder, 'new.digest');
  const signingKey = join(folder, 'new.signing');
  const { code, text, value } = await key(['new', file], { digestKey, signingKey });
  expect(code).toBe(0);
  expect(text).toContain('without it the rows are lost');
  for (const each of [file, digestKey, signingKey])
    expect((await stat(each)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toContain(`# public key: ${String(value['recipient'])}`);
  const { publicKey } = await readSigningKey(signingKey);
  expect(value['publicKey']).toBe(publicKey);
  expect(text).toContain(`signedBy: [${publicKey}]`);
  expect(text).not.toContain('STOWAGE-SIGNING-KEY-');
  const before = await readFile(file);
  await expect(key(['new', file])).rejects.toMatchObject({ code: 'file/exists' });
  expect(await readFile(file)).toEqual(before);
});

test('key list groups the sets by recipients, and names what a recipient of the configuration cannot open', async () => {
  const { value, text } = await key(['list']);
  expect(value['groups']).toEqual([
    { first: SETS[0], last: SETS[0], sets: 1, recipients: [old?.recipient] },
    { first: SETS[1], last: SETS[2], sets: 2, recipients: sorted(old, second) },
  ]);
  expect(value['missing']).toEqual([
    { recipient: second?.recipient, sets: [SETS[0]] },
    { recipient: other?.recipient, sets: SETS },
  ]);
  expect(text).toContain('1 set without a key document');
});

const sorted = (...all: (TestKeys | undefined)[]) => all.map((each) => each?.recipient).toSorted();

test('key test passes only when each identity opens every encrypted set', async () => {
  const good = await key(['test'], { identity: [old?.identityFile] });
  expect(good).toMatchObject({ code: 0, value: { sets: 3, plainSets: 1 } });
  const partly = await key(['test'], { identity: [old?.identityFile, second?.identityFile] });
  expect(partly.code).toBe(4);
  expect(partly.text).toContain('opens 2 of 3 encrypted sets');
  expect(partly.text).toContain(SETS[0]);
  await expect(key(['test'])).rejects.toMatchObject({ code: 'encryption/no-identity' });
});

test('key add wraps the keys for one more recipient, after --yes only', async () => {
  const flags = { identity: [old?.identityFile] };
  const name = other?.recipient ?? '';
  expect(await key(['add', name], flags)).toMatchObject({ code: 0, value: { done: false } });
  expect(await documentsOf(SETS[0] ?? '')).toHaveLength(1);
  const done = await key(['add', name], { ...flags, yes: true });
  expect(done).toMatchObject({ code: 0, value: { written: 3, removed: 0 } });
  expect((await key(['test'], { identity: [other?.identityFile] })).code).toBe(0);
  expect((await key(['add', name], { ...flags, yes: true })).text).toContain('nothing to do');
});

test('a recipient that only the bucket names gets no key', async () => {
  const planted = await makeSetKey(
    { recipients: [second?.recipient ?? ''] },
    { timestamp: SETS[0] ?? '', root: ROOT_IN_PLANS },
    { wrappedAt: new Date() },
  );
  const stranger = await testKeys(folder);
  const recipients = [{ kind: 'age' as const, recipient: stranger.recipient }];
  await storeKey({ ...planted.document, recipients }, 9);
  const removing = await key(['remove', old?.recipient ?? ''], {
    identity: [old?.identityFile],
    yes: true,
  });
  expect(removing.code).toBe(4);
  expect(removing.text).toContain(`the configuration does not name ${stranger.recipient}`);
  expect(removing.value).toMatchObject({ written: 2, removed: 4 });
});

test('key rotate leaves exactly the recipients of the configuration, and repeats what was interrupted', async () => {
  const interrupted = await key(['rotate'], { identity: [second?.identityFile], yes: true });
  expect(interrupted.code).toBe(3);
  expect(interrupted.text).toContain(`set ${SETS[0]}`);
  const done = await key(['rotate'], { identity: [old?.identityFile], yes: true });
  expect(done).toMatchObject({ code: 0, value: { written: 1, removed: 3 } });
  expect(done.text).toContain('still opens its set for a removed recipient');
  for (const timestamp of SETS) expect(await documentsOf(timestamp)).toHaveLength(1);
  expect((await key(['test'], { identity: [old?.identityFile] })).text).toContain('opens 0 of 3');
  for (const each of [second, other])
    expect((await key(['test'], { identity: [each?.identityFile] })).code).toBe(0);
  expect((await key(['rotate'], { yes: true })).text).toContain('nothing to do');
  await expect(key(['remove', second?.recipient ?? ''])).rejects.toMatchObject({
    code: 'encryption/recipient',
  });
});

test('a complete encrypted set without its key document is named, and is not called plain', async () => {
  const [lost, failed] = ['20260204120000', '20260205120000'];
  for (const timestamp of [lost, failed]) await storePlan(timestamp, 'a'.repeat(32));
  const manifest = formatKey({ kind: 'manifest', timestamp: lost });
  await store.create(manifest, Buffer.from('{}'));
  const listed = await key(['list']);
  expect(listed).toMatchObject({ code: 3, value: { withoutKey: 2, lost: [lost] } });
  expect(listed.text).toContain(`BAD set ${lost} is encrypted: its key document is missing`);
  const tested = await key(['test'], { identity: [second?.identityFile] });
  expect(tested).toMatchObject({ code: 4, value: { sets: 4, plainSets: 2 } });
  const changed = await key(['rotate'], { yes: true });
  expect(changed.code).toBe(4);
  expect(changed.text).toContain(`set ${lost}: BAD: its key document is missing`);
});
