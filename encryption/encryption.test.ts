import { generateIdentity } from 'age-encryption';
import { expect, test } from 'vitest';
import { encode } from '../backup-set/base/document.ts';
import { StowageError } from '../backup-set/base/errors.ts';
import { formatKey } from '../backup-set/base/keys.ts';
import { SetKeyDocument } from '../backup-set/documents/keys/set-key.ts';
import { setKeyId } from '../frame/seal/derive.ts';
import type { ObjectStore } from '../storage/store.ts';
import { type Identities, parseIdentities } from './identities.ts';
import { DOCUMENTS_MAX, readSetKey } from './read-set-key.ts';
import { recipientProblem } from './recipients.ts';
import { makeSetKey } from './set-key.ts';
import { EncryptionSection } from './settings.ts';
import { unwrap, wrapFor } from './wrap.ts';

const [one, two, other] = await Promise.all([identity('one'), identity('two'), identity('other')]);
const recipients = [one, two].map(({ age: [first] }) => first?.recipient ?? '');
const SET = { timestamp: '20260131120000', root: 's3://backups/shop' };
const wrappedAt = new Date('2026-01-31T12:00:00Z');
const made = await makeSetKey({ recipients }, SET, { wrappedAt });
const keyId = setKeyId(made.key);

async function identity(name: string): Promise<Identities & { secret: string }> {
  const secret = await generateIdentity();
  return { secret, age: await parseIdentities(`# of ${name}\n${secret}\n`, `${name}.txt`) };
}

/** A store with these key documents of the set. */
const instantAt = (at: number) => `20260131120${String(at).padStart(6, '0')}`;

function storeOf(...documents: SetKeyDocument[]): ObjectStore {
  const objects = new Map(
    documents.map((document, at) => [
      formatKey({ kind: 'set-key', timestamp: SET.timestamp, instant: instantAt(at) }),
      encode(SetKeyDocument, document),
    ]),
  );
  return {
    async *list() {
      for (const key of objects.keys()) yield await Promise.resolve({ key });
    },
    read: (key: string) => Promise.resolve(objects.get(key) ?? new Uint8Array()),
  } as unknown as ObjectStore;
}

const read = (store: ObjectStore, identities: Identities, set = { ...SET, keyId }) =>
  readSetKey(store, set, identities, {});

test('each identity of the recipients opens the key of a set, and no other identity', async () => {
  for (const identities of [one, two])
    expect(await read(storeOf(made.document), identities)).toEqual(made.key);
  await expect(read(storeOf(made.document), other)).rejects.toMatchObject({
    code: 'encryption/no-identity',
    message: expect.stringContaining(recipients[0] ?? '-'),
  });
  await expect(read(storeOf(made.document), { age: [] })).rejects.toThrow('no identity is named');
});

test('a key document that was moved to another set or root, or has an exchanged key, is refused', async () => {
  const wrong = [
    { ...SET, keyId, timestamp: '20260131120001' },
    { ...SET, keyId, root: 's3://backups/other' },
    { ...SET, keyId: '0'.repeat(32) },
  ];
  for (const set of wrong)
    await expect(read(storeOf(made.document), one, set)).rejects.toMatchObject({
      code: 'encryption/no-key',
    });
});

test('one whole key document opens the set beside others that are damaged or of other recipients', async () => {
  const damaged = { ...made.document, age: made.document.age?.replace(/\n.{64}\n/, '\n') ?? '' };
  const { document } = await makeSetKey(
    { recipients: other.age.map(({ recipient }) => recipient) },
    SET,
    { wrappedAt },
  );
  for (const documents of [
    [made.document, damaged, document],
    [document, damaged, made.document],
  ])
    expect(await read(storeOf(...documents), one)).toEqual(made.key);
  await expect(read(storeOf(damaged), one)).rejects.toMatchObject({ code: 'set/unreadable' });
  await expect(read(storeOf(), one)).rejects.toThrow('wrapped key is missing');
});

test('a document that is too large or removed does not hide the whole one beside it', async () => {
  for (const code of ['storage/too-large', 'storage/not-found'] as const) {
    const store = storeOf(made.document, made.document);
    const failing = (whole: number): ObjectStore => ({
      ...store,
      read: async (key, options) => {
        if (!key.endsWith(`${whole}.json`)) throw new StowageError(code, `${key} cannot be read`);
        return store.read(key, options);
      },
    });
    expect(await read(failing(0), one)).toEqual(made.key);
    expect(await read(failing(1), one)).toEqual(made.key);
    await expect(read(failing(2), one)).rejects.toMatchObject({ code });
  }
});

test('the newest key documents of a set are read, and a message says that there are more', async () => {
  const { document } = await makeSetKey(
    { recipients: other.age.map(({ recipient }) => recipient) },
    SET,
    { wrappedAt },
  );
  const many = Array.from({ length: DOCUMENTS_MAX }, () => document);
  expect(await read(storeOf(...many, made.document), one)).toEqual(made.key);
  await expect(read(storeOf(made.document, ...many), one)).rejects.toThrow(
    `of its newest ${DOCUMENTS_MAX} key documents, and older ones were not read`,
  );
});

test('bytes that are wrapped for a recipient are opened by its identity only', async () => {
  const text = await wrapFor(recipients[0] ?? '', Buffer.from('key'));
  expect((await unwrap(one, text))?.toString()).toBe('key');
  expect(await unwrap(two, text)).toBeUndefined();
  await expect(unwrap(one, text.slice(0, -60))).rejects.toMatchObject({ code: 'set/unreadable' });
  await expect(wrapFor('age1', Buffer.from('key'))).rejects.toMatchObject({
    code: 'encryption/recipient',
  });
});

test('an identity file names the line that is wrong, and never its text', async () => {
  const cut = one.secret.slice(0, -1);
  for (const [text, message] of [
    [`# comment\n${recipients[0]}\n`, 'a.txt: line 2 is a recipient'],
    [`${cut}\n`, 'a.txt: line 1 is an identity with a wrong checksum'],
    ['hello\n', 'a.txt: line 1 is not an identity'],
    ['# nothing\n', 'a.txt has no identity'],
  ] as const) {
    const failure = await parseIdentities(text, 'a.txt').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'encryption/identity' });
    expect(String(failure)).toContain(message);
    expect(String(failure)).not.toContain(cut.slice(16));
  }
});

test('a recipient with a wrong character, a secret key and other kinds are refused', () => {
  const [good = ''] = recipients;
  expect(recipientProblem(good)).toBeUndefined();
  expect(recipientProblem(`${good.slice(0, -1)}${good.endsWith('q') ? 'p' : 'q'}`)).toContain(
    'wrong checksum',
  );
  expect(recipientProblem(one.secret)).toContain('is the secret key');
  expect(recipientProblem('age1yubikey1q2w3e4r5t')).toContain('not supported');
  expect(recipientProblem('ssh-ed25519 AAAA')).toContain('not supported');
  expect(recipientProblem('age1abc')).toContain('does not look like');
});

test('a section that encrypts nothing although it looks so is refused', () => {
  const problems = (section: unknown) => {
    const issues = EncryptionSection.safeParse(section).error?.issues;
    return issues && [...new Set(issues.map(({ path }) => path.join('.')))];
  };
  expect(problems({})).toEqual(['recipients']);
  expect(problems({ recipients: [] })).toEqual(['recipients']);
  expect(problems({ recipients: [recipients[0], recipients[0]] })).toEqual(['recipients']);
  expect(problems({ digestKeyFile: '/k', identityFile: '/i' })).toEqual(['digestKeyFile']);
  expect(problems({ kms: 'my key' })).toEqual(['kms']);
  expect(problems({ identityFile: ['/a', '/b'] })).toBeUndefined();
  expect(problems({ kms: 'alias/backups' })).toBeUndefined();
  expect(problems({ recipients, digestKeyFile: '/k', agents: { '0': recipients[0] } })).toBe(
    undefined,
  );
});
