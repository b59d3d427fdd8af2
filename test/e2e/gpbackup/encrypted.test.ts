import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { hostKeyPrefix, parseKey } from '../../../backup-set/base/keys.ts';
import { type GpbackupHosts, gpbackupHosts } from '../../support/adopt/gpbackup-hosts.ts';
import { FIXTURE, FIXTURE_TIMESTAMP } from '../../support/adopt/gpbackup-replay.ts';
import { storeIncrement } from '../../support/adopt/named-increment.ts';
import { failureOf } from '../../support/cli.ts';

const OF_TABLE = `gpbackup_0_${FIXTURE_TIMESTAMP}_16407.gz`;
const RESTORES = { code: 0, stderr: '' };

type Names = Parameters<typeof storeIncrement>[2];

let hosts: GpbackupHosts;
beforeAll(async () => {
  hosts = await gpbackupHosts();
});
afterEach(async () => {
  await hosts.endProcesses();
  hosts.strict.reset();
});
afterAll(() => hosts?.stop());

const original = (name: string) => readFile(join(FIXTURE, name));

test('every file of an encrypted backup comes back with an identity, and none without', async () => {
  const { config, end } = await hosts.encryptedBackup();
  expect(end).toMatchObject(RESTORES);
  for (const name of await readdir(FIXTURE)) {
    const plain = await original(name);
    expect(hosts.stored(`/${name}`).object.body.includes(plain.subarray(0, 64)), name).toBe(false);
  }
  // One for each host, and the key of the set.
  expect(hosts.keyDocuments()).toHaveLength(4);

  // The process that wrote them has ended, and its host has no identity.
  const refused = await hosts.call('restore_data', config, hosts.pathOf(OF_TABLE));
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/no-identity/) });
  expect(refused.stdout).toHaveLength(0);

  const reader = await hosts.with('reader', hosts.keys.section());
  for (const name of (await readdir(FIXTURE)).filter((one) => /^gpbackup_\d_/.test(one))) {
    const given = await hosts.call('restore_data', reader, hosts.pathOf(name));
    expect(given).toMatchObject(RESTORES);
    expect(given.stdout.equals(await original(name)), name).toBe(true);
  }
  const name = `gpbackup_${FIXTURE_TIMESTAMP}_report`;
  expect(await hosts.call('restore_file', reader, hosts.pathOf(name))).toMatchObject(RESTORES);
  expect((await readFile(hosts.pathOf(name))).equals(await original(name))).toBe(true);
  // An increment asks its coordinator for what gpbackup has left there.
  const left = join(hosts.folder, `backups/20261129/${FIXTURE_TIMESTAMP}`);
  const toc = join(left, `gpbackup_${FIXTURE_TIMESTAMP}_toc.yaml`);
  expect(await hosts.call('restore_file', config, toc)).toMatchObject(RESTORES);
});

test('parts of a sealed file are those of the file, and bytes that have changed are refused', async () => {
  await hosts.encryptedBackup();
  const reader = await hosts.with('reader', hosts.keys.section());
  const offsets = join(hosts.folder, 'offsets');
  await writeFile(offsets, '2 3 9 20 25');
  const subset = ['restore_data_subset', reader, hosts.pathOf(OF_TABLE), offsets];
  const parts = await hosts.call(...subset);
  const whole = await original(OF_TABLE);
  expect(parts).toMatchObject(RESTORES);
  expect(parts.stdout).toEqual(Buffer.concat([whole.subarray(3, 9), whole.subarray(20, 25)]));

  const { key, object } = hosts.stored(OF_TABLE);
  const changed = Buffer.from(object.body);
  changed[60] = (changed[60] ?? 0) ^ 1;
  hosts.strict.objects.set(key, { ...object, body: changed });
  for (const args of [['restore_data', reader, hosts.pathOf(OF_TABLE)], subset]) {
    const bad = await hosts.call(...args);
    const stderr = expect.stringMatching(/has changed since|cannot be decrypted/);
    expect(bad).toMatchObject({ code: 1, stderr });
    expect(bad.stdout).toHaveLength(0);
  }
});

test('the commands of Stowage check, copy and convert an encrypted backup', async () => {
  await hosts.encryptedBackup();
  await hosts.with('reader', hosts.keys.section());
  const listed = await hosts.run(['list'], 'coordinator');
  expect(listed.json.sets).toMatchObject([{ status: 'complete', encrypted: true }]);
  expect(failureOf(await hosts.run(['verify', FIXTURE_TIMESTAMP], 'coordinator'))).toBeUndefined();
  const decrypted = await hosts.run(['verify', FIXTURE_TIMESTAMP], 'reader');
  expect(failureOf(decrypted)).toBeUndefined();
  expect(decrypted.json).toMatchObject({ status: 'complete', decrypted: true });
  expect(decrypted.stderrEvents.map(({ event }) => event)).not.toContain('set-unproven');

  const copy = `file://${hosts.folder}/copy`;
  const copied = await hosts.run(['copy', FIXTURE_TIMESTAMP, '--to', copy], 'coordinator');
  expect(failureOf(copied)).toBeUndefined();
  // The rows are in a set of Stowage's own, which is encrypted, too.
  const cat = ['cat', FIXTURE_TIMESTAMP, 'app.heap', '--root', copy];
  expect((await hosts.run(cat, 'coordinator')).text).toContain('encryption/no-identity');
  await hosts.with('only-reader', { identityFile: hosts.keys.identityFile });
  expect((await hosts.run(cat, 'only-reader')).text).toContain('would store the rows in clear');
  const rows = await hosts.run(cat, 'reader', { plain: true });
  expect(failureOf(rows)).toBeUndefined();
  expect(rows.text.split('\n').filter((line) => /^\d+\t/.test(line))).toHaveLength(100);
  // The key of the original proves the conversion, which is used again.
  const again = await hosts.run(cat, 'reader', { plain: true });
  expect(again.text).toMatch(/its rows are in set \d{14}, which was made from it/);
  expect(again.text).not.toMatch(/converting|nothing proves/);
});

test('each key of an encrypted backup follows a change of recipients, and repair brings it back', async () => {
  const { keys, others } = hosts;
  await hosts.encryptedBackup();
  await hosts.with('reader', keys.section());
  await hosts.with('other', others.section());
  const copy = `file://${hosts.folder}/keys-copy`;
  const rotating = { recipients: [others.recipient], identityFile: keys.identityFile };
  await hosts.with('rotating', rotating);
  const rotated = await hosts.run(['key', 'rotate', '--yes'], 'rotating');
  expect(failureOf(rotated)).toBeUndefined();
  expect(rotated.json).toMatchObject({ written: 1, removed: 4, failed: [] });
  expect((await hosts.run(['key', 'test'], 'reader')).code).toBe(4);
  expect((await hosts.run(['key', 'test'], 'other')).json).toMatchObject({
    sets: 1,
    identities: [{ opened: 1, failed: [] }],
  });
  expect((await hosts.run(['key', 'list'], 'other')).json).toMatchObject({
    groups: [{ sets: 1, recipients: [others.recipient] }],
    missing: [],
  });
  expect(failureOf(await hosts.run(['verify', FIXTURE_TIMESTAMP], 'other'))).toBeUndefined();

  // Without one key of a host its files are lost, and a copy has it.
  await hosts.run(['copy', FIXTURE_TIMESTAMP, '--to', copy], 'other');
  const { key } = hosts.stored('/keys/host-');
  hosts.strict.objects.delete(key);
  const parsed = parseKey(key.slice(key.indexOf('sets/')));
  if (parsed?.kind !== 'host-key') throw new Error(`${key} is no key of a host`);
  const object = hostKeyPrefix(parsed.timestamp, parsed.keyId);
  const invalid = await hosts.run(['validate', FIXTURE_TIMESTAMP], 'other');
  expect(invalid.json.problems).toMatchObject([{ code: 'key-missing', object }]);
  expect((await hosts.run(['key', 'list'], 'other')).code).toBe(3);
  const repaired = await hosts.run(['repair', FIXTURE_TIMESTAMP, '--from', copy], 'other');
  expect(failureOf(repaired)).toBeUndefined();
  expect(hosts.keyDocuments()).toContain(key);
});

test('gprestore of an increment gets rows only of the older set whose key the increment names', async () => {
  await hosts.encryptedBackup();
  const [reader, other] = [
    await hosts.with('restorer', hosts.keys.section()),
    await hosts.with('other-restorer', hosts.keys.section()),
  ];
  const read = (plugin: string) => hosts.call('restore_data', plugin, hosts.pathOf(OF_TABLE));
  const name = async (plugin: string, timestamp: string, names?: Names) => {
    await storeIncrement(hosts, timestamp, names);
    const folder = hosts.pathOf('').replace(FIXTURE_TIMESTAMP, timestamp).slice(0, -1);
    const named = await hosts.call('setup_plugin_for_restore', plugin, folder, 'segment_host');
    expect(named).toMatchObject(RESTORES);
  };
  await name(reader, '20261129020000');
  expect(await read(reader)).toMatchObject(RESTORES);
  // The full set was replaced by another one since: its key is none that the increment names.
  await name(reader, '20261129020001', { keyId: 'ab'.repeat(16) });
  const refused = await read(reader);
  const stderr = expect.stringContaining('20261129020001 was made from another one');
  expect(refused).toMatchObject({ code: 1, stderr });
  expect(refused.stdout).toHaveLength(0);
  // Also by a process that was started since.
  await hosts.endProcesses();
  expect(await read(reader)).toMatchObject({ code: 1, stderr });

  // Of an older set without a manifest, only the keys of its hosts that the increment names.
  await name(other, '20261129020002', { hostKeys: ['cd'.repeat(16)] });
  const { key } = hosts.stored(`${FIXTURE_TIMESTAMP}/manifest.json`);
  hosts.strict.objects.delete(key);
  const foreign = expect.stringContaining('any of the keys that the restored increment names');
  expect(await read(other)).toMatchObject({ code: 1, stderr: foreign });
});

test('a resident process that ends between two calls leaves files that open', async () => {
  const config = await hosts.with('restarted', hosts.keys.section(false));
  const end = await hosts.replay({ config, between: () => hosts.endProcesses() });
  expect(end).toMatchObject(RESTORES);
  expect(hosts.keyDocuments().filter((key) => key.includes('/host-'))).toHaveLength(2);
  const reader = await hosts.with('reader', hosts.keys.section());
  expect(failureOf(await hosts.run(['verify', FIXTURE_TIMESTAMP], 'reader'))).toBeUndefined();

  // As of an older set without a manifest.
  hosts.strict.objects.delete(hosts.stored('/manifest.json').key);
  const unproven = await hosts.call('restore_data', reader, hosts.pathOf(OF_TABLE));
  expect(unproven).toMatchObject(RESTORES);
  expect(unproven.stdout).toEqual(await original(OF_TABLE));
});
