import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { armor, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { StowageError } from '../../../backup-set/base/errors.ts';
import { identitiesFrom } from '../../../encryption/identities.ts';
import { awsKms } from '../../../encryption/kms/aws-kms.ts';
import { openSetKey } from '../../../encryption/read-set-key.ts';
import { makeSetKey } from '../../../encryption/set-key.ts';
import { fakeKms, KMS_ARN } from '../../support/kms.ts';

let folder: string;
const secret = await generateIdentity();
const recipient = await identityToRecipient(secret);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-identities-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(name: string, text: string | Uint8Array, mode = 0o600): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  await chmod(file, mode);
  return file;
}

const from = (settings: object, sources = {}) =>
  identitiesFrom({ recipients: [], ...settings }, sources);

describe('identities', () => {
  test('are read from files that only their owner may use', async () => {
    const other = await generateIdentity();
    const identityFile = [
      await fileOf('one.txt', `# comment\n${secret}\n`),
      await fileOf('two.txt', `${other}\r\n`, 0o400),
    ];
    const { age } = await from({ identityFile });
    expect(age.map((each) => each.secret)).toEqual([secret, other]);
    for (const mode of [0o640, 0o604, 0o620]) {
      const open = await fileOf('open.txt', secret, mode);
      await expect(from({ identityFile: open })).rejects.toMatchObject({
        code: 'encryption/identity',
        message: `${open} can be used by other users (mode 0${mode.toString(8)}): chmod 600 ${open}`,
      });
    }
    await expect(from({ identityFile: join(folder, 'none') })).rejects.toThrow('ENOENT');
    await expect(from({ identityFile: folder })).rejects.toThrow('is a directory');
  });

  test('are printed by a program, whose output never gets into an error', async () => {
    const print = (script: string) => ['/bin/sh', '-c', script];
    const { age } = await from({ identityCommand: print(`echo ${secret}`) });
    expect(age).toMatchObject([{ recipient, from: 'the output of /bin/sh' }]);
    const failure = await from({
      identityCommand: print(`echo ${secret}; echo "locked: ${secret}" >&2; exit 3`),
    }).catch((error: unknown) => error);
    expect(String(failure)).toContain('/bin/sh failed: exit code 3: locked: AGE-…');
    expect(String(failure)).not.toContain(secret.slice(20));
    await expect(from({ identityCommand: [join(folder, 'none')] })).rejects.toMatchObject({
      code: 'encryption/identity',
    });
    await expect(
      from({ identityCommand: print('sleep 60') }, { signal: AbortSignal.timeout(50) }),
    ).rejects.toMatchObject({ code: 'interrupted' });
    // A file that is named wins: the program is not run.
    const identityFile = await fileOf('first.txt', secret);
    expect((await from({ identityFile, identityCommand: print('exit 1') })).age).toHaveLength(1);
  });

  test('may be encrypted with a passphrase, in the armor of age and without', async () => {
    const encrypter = new Encrypter();
    encrypter.setPassphrase('correct horse');
    encrypter.setScryptWorkFactor(8);
    const sealed = await encrypter.encrypt(`${secret}\n`);
    for (const text of [sealed, armor.encode(sealed)]) {
      const identityFile = await fileOf('sealed.age', text);
      const asked: string[] = [];
      const passphrase = (file: string) => {
        asked.push(file);
        return Promise.resolve('correct horse');
      };
      expect((await from({ identityFile }, { passphrase })).age).toMatchObject([{ recipient }]);
      expect(asked).toEqual([identityFile]);
      await expect(
        from({ identityFile }, { passphrase: () => Promise.resolve('wrong') }),
      ).rejects.toThrow('its passphrase is another one');
      await expect(from({ identityFile })).rejects.toMatchObject({ code: 'encryption/identity' });
    }
  });
});

const SET = { timestamp: '20260131120000', root: 's3://backups/shop' };

test('a key of AWS KMS wraps a set key for its set and root, and opens it without an identity', async () => {
  const server = await fakeKms();
  try {
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
    const kms = awsKms({ region: 'eu-central-1', env: {} });
    const options = { wrappedAt: new Date(0), kms };
    const settings = { recipients: [recipient], kms: 'alias/backups' };
    const { key, document } = await makeSetKey(settings, SET, options);
    expect(document.recipients).toEqual([
      { kind: 'age', recipient },
      { kind: 'kms', keyArn: KMS_ARN },
    ]);
    const identities = await from({ kms: 'alias/backups' }, { kms });
    expect(await openSetKey(document, SET, identities, {})).toEqual(key);
    expect(server.requests).toMatchObject([
      { target: 'Encrypt', KeyId: 'alias/backups', EncryptionContext: SET },
      { target: 'Decrypt', KeyId: KMS_ARN, EncryptionContext: SET },
    ]);
    // A damaged copy for age does not hide the one of KMS in the same document.
    const damaged = { ...document, age: document.age?.replace(/\n.{64}\n/, '\n') ?? '' };
    const both = await from(
      { identityFile: await fileOf('beside.txt', secret), kms: 'alias/backups' },
      { kms },
    );
    expect(await openSetKey(damaged, SET, both, {})).toEqual(key);
    const { kms: _, ...onlyAge } = damaged;
    await expect(openSetKey(onlyAge, SET, both, {})).rejects.toMatchObject({
      code: 'set/unreadable',
    });
    // Without `encryption.kms`, KMS is not asked.
    expect(await openSetKey(document, SET, await from({}, { kms }), {})).toBeUndefined();
    const denied = makeSetKey({ recipients: [], kms: 'alias/denied' }, SET, options);
    await expect(denied).rejects.toThrow(StowageError);
    await expect(denied).rejects.toMatchObject({
      code: 'encryption/kms',
      message:
        'AWS KMS cannot encrypt with alias/denied: AccessDeniedException: not authorized to kms:Encrypt',
    });
  } finally {
    vi.unstubAllEnvs();
    server.close();
  }
});
