import { chmod, copyFile, cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decode } from '../../../backup-set/base/document.ts';
import { formatKey } from '../../../backup-set/base/keys.ts';
import { Plan } from '../../../backup-set/documents/plan.ts';
import { loadConfig } from '../../../cli/config/config.ts';
import { checkDigestKey } from '../../../cli/doctor/keys/digest-key.ts';
import { checkKeys } from '../../../cli/doctor/keys/keys.ts';
import { NO_SCREEN } from '../../../cli/output/table/screen.ts';
import { openStore } from '../../../storage/open.ts';
import { GOLDEN } from '../../golden/made.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';

let [folder, root, golden] = ['', '', ''];
let own: TestKeys;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-doctor-keys-'));
  await cp(join(GOLDEN, 'v1-encrypted/root'), join(folder, 'root'), { recursive: true });
  root = pathToFileURL(join(folder, 'root')).href;
  golden = join(folder, 'golden.key');
  await copyFile(join(GOLDEN, 'v1-encrypted/identity.txt'), golden);
  await chmod(golden, 0o600);
  // The digest key of the first is that of the golden sets.
  await testKeys(folder);
  own = await testKeys(folder);
});
afterAll(() => rm(folder, { recursive: true }));

/** The checks by name; `ok`, `note` or `BAD`, and the text. */
async function checks(
  encryption: object | undefined,
  more: object = {},
): Promise<Record<string, string>> {
  const file = join(folder, 'stowage.yaml');
  const segments = [{ content: 0, host: 'localhost' }];
  await writeFile(file, JSON.stringify({ root, database: 'd', segments, encryption, ...more }));
  const output = {
    ...{ json: false, live: false, screen: NO_SCREEN, drawnOn: NO_SCREEN },
    ...{ result: () => undefined, note: () => undefined, draw: () => undefined },
  };
  const context = {
    ...(await loadConfig({ env: {}, file, flags: {} })),
    ...{ env: {}, clock: () => new Date(), output },
    ...{ signal: new AbortController().signal, log: pino({ level: 'silent' }) },
  };
  const found = await checkKeys(context);
  return Object.fromEntries(
    found.map(({ name, ok, remark, detail }) => [
      name,
      `${ok ? (remark === true ? 'note' : 'ok') : 'BAD'} ${detail}`,
    ]),
  );
}

test('doctor notes encrypted sets that the configuration would not go on with', async () => {
  const found = await checks(undefined);
  expect(found['recipients']).toMatch(/^note none: set 20261130035601 is encrypted/);
});

test('doctor wants two recipients, the digest key of the newest set, and recipients that open it', async () => {
  const found = await checks({ recipients: [own.recipient], digestKeyFile: own.digestKeyFile });
  expect(found).toMatchObject({
    recipients: expect.stringMatching(/^note one only: if its identity is lost, all sets are lost/),
    'digest key': expect.stringContaining('is another key than that of set 20261130035601'),
    identity: expect.stringMatching(/^ok none on this host/),
    'recipients of sets': expect.stringContaining('stowage key add'),
  });
  expect((await checks({ recipients: [own.recipient] }))['digest key']).toMatch(
    /^note .*not set: every backup stores all rows/,
  );
});

test('doctor proves that the identity of this host opens the newest set', async () => {
  const recipients = [own.recipient];
  expect((await checks({ recipients, identityFile: golden }))['identity']).toMatch(
    /^note .*golden.key opens set 20261130035601. So this host can read the sets/,
  );
  expect((await checks({ recipients, identityFile: own.identityFile }))['identity']).toMatch(
    /^BAD set 20261130035601 is encrypted, and the identity does not open it/,
  );
  await chmod(golden, 0o644);
  expect((await checks({ recipients, identityFile: golden }))['identity']).toMatch(
    /^BAD .*can be used by other users \(mode 0644\)/,
  );
  expect((await checks({ recipients, digestKeyFile: join(folder, 'none') }))['digest key']).toMatch(
    /^BAD .*cannot be read/,
  );
});

test('doctor proves that the identity opens the key of each host that stored files of gpbackup', async () => {
  const name = 'v1-gpbackup-encrypted';
  const place = join(folder, name);
  await cp(join(GOLDEN, name), place, { recursive: true });
  const identityFile = join(place, 'identity.txt');
  await chmod(identityFile, 0o600);
  const encryption = { recipients: [own.recipient], identityFile };
  const other = { root: pathToFileURL(join(place, 'root')).href };
  expect((await checks(encryption, other))['identity']).toMatch(/identity.txt opens set 2026/);
  const keys = join(place, 'root/sets/20261129/20261129015653/keys');
  const [ofHost = ''] = (await readdir(keys)).filter((key) => key.startsWith('host-'));
  await rm(join(keys, ofHost));
  expect((await checks(encryption, other))['identity']).toMatch(
    /^BAD set 20261129015653 is encrypted, and the wrapped key [0-9a-f]{32} of a host is missing/,
  );
});

test('doctor notes a drill of the schedule on a host without an identity', async () => {
  const encryption = { recipients: [own.recipient] };
  const entries = { weekly: { at: '0 14 * * sat', drill: { throwaway: true } } };
  const found = await checks(encryption, { schedule: { entries } });
  expect(found['identity']).toMatch(/^note none on this host: here the drills .*weekly.* fail/);
  expect((await checks(encryption))['identity']).toMatch(/^ok none on this host/);
});

test('doctor notes a newest set that its digest key does not prove', async () => {
  const store = await openStore({ root });
  const deps = { store, clock: () => new Date(), log: pino({ level: 'silent' }) };
  const settings = { recipients: [own.recipient], digestKeyFile: own.digestKeyFile };
  const key = formatKey({ kind: 'plan', timestamp: '20261130035601' });
  const plan = decode(Plan, { key, bytes: await store.read(key, { bytesMax: 1e6 }) });
  // As a backup without a digest key, or another program, would have made it.
  const unkeyed = { ...plan, encryption: { keyId: plan.encryption?.keyId ?? '' } };
  const [found] = await checkDigestKey(settings, deps, unkeyed);
  expect(found).toMatchObject({ ok: true, remark: true });
  expect(found?.detail).toMatch(/does not prove set 20261130035601.*has no coordinatorMac/);
  const [plain] = await checkDigestKey(settings, deps, undefined);
  expect(plain).toEqual({
    ...{ of: 'encryption', name: 'digest key', ok: true },
    detail: own.digestKeyFile,
  });
  await store.close();
});
