import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { hostKeyPrefix, parseKey, setKeysPrefix } from '../../../backup-set/base/keys.ts';
import {
  callPlugin,
  FIXTURE,
  FIXTURE_TIMESTAMP,
  replayBackup,
} from '../../support/adopt/gpbackup-replay.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { type TestKeys, testKeys } from '../../support/e2e/encryption.ts';
import { GPBACKUP_PLUGIN } from '../../support/programs/programs.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { waitUntil } from '../../support/wait-for.ts';

const env = { AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'secret' };
const SOCKETS = `/tmp/stowage-gpbackup-${userInfo().uid}`;
const OF_TABLE = `gpbackup_0_${FIXTURE_TIMESTAMP}_16407.gz`;

let strict: StrictS3;
let folder = '';
let [keys, others]: TestKeys[] = [];

beforeAll(async () => {
  [folder, strict] = await Promise.all([mkdtemp(join(tmpdir(), 'sealed-')), startStrictS3()]);
  [keys, others] = [await testKeys(folder), await testKeys(folder)];
});
afterEach(async () => {
  const open = await openSockets();
  for (const name of open)
    await callPlugin(['cleanup_plugin_for_restore', join(folder, name), '/tmp', 'segment_host'], {
      env,
    });
  await waitUntil(async () => (await openSockets()).length === 0);
  strict.reset();
});
afterAll(async () => {
  await strict?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Of resident processes of this test. */
const openSockets = async () => {
  const own = new Set(await readdir(folder));
  return (await readdir(SOCKETS).catch(() => [])).filter((one) => own.has(one));
};

/**
 * The plugin configuration of a host that has this section in its stowage.yaml. Each has a resident
 * process of its own, as hosts have.
 */
async function hostWith(name: string, encryption: unknown, options: object = ON): Promise<string> {
  const file = join(folder, `${name}-stowage.yaml`);
  const stored = { root: `${strict.root}/shop`, storage: { endpoint: strict.endpoint } };
  const cluster = { cluster: 'shop', flavour: 'greenplum', database: 'tiny', functions: 'inline' };
  const section = encryption === undefined ? {} : { encryption };
  await writeFile(file, stringify({ ...cluster, ...stored, ...section, coordinator: {} }));
  const config = join(folder, `${folder.slice(-6)}-${name}.yaml`);
  const all = { config: file, node: process.execPath, ...options };
  await writeFile(config, stringify({ executablepath: GPBACKUP_PLUGIN, options: all }));
  return config;
}

const ON = { encryption: 'on' };
const stowageOf = (name: string) => join(folder, `${name}-stowage.yaml`);
const pathOf = (base: string) => join(folder, `seg0/backups/20261129/${FIXTURE_TIMESTAMP}/${base}`);
const stored = () => [...strict.objects].filter(([key]) => key.includes('/data/'));
const keyDocuments = () =>
  [...strict.objects.keys()].filter((key) => key.includes(setKeysPrefix(FIXTURE_TIMESTAMP)));

/** A backup of a coordinator and two segment hosts, none of which has an identity. */
async function encryptedBackup(second: unknown = keys?.section(false)) {
  const config = await hostWith('coordinator', keys?.section(false));
  const hosts = [
    await hostWith('host-0', keys?.section(false)),
    await hostWith('host-1', second),
  ] as const;
  const configOf = (content: number) => hosts[content] ?? config;
  return { config, configOf, end: await replayBackup({ config, configOf, host: folder, env }) };
}

test('every file of an encrypted backup comes back with an identity, and none without', async () => {
  const { config, end } = await encryptedBackup();
  expect(end).toMatchObject({ code: 0, stderr: '' });
  const files = (await readdir(FIXTURE)).filter((one) => /^gpbackup_\d_/.test(one));
  for (const name of await readdir(FIXTURE)) {
    const plain = await readFile(join(FIXTURE, name));
    const [, object] = stored().find(([key]) => key.endsWith(`/${name}`)) ?? [];
    expect(object?.body.includes(plain.subarray(0, 64)), name).toBe(false);
  }
  // One for each host, and the key of the set.
  expect(keyDocuments()).toHaveLength(4);

  // The process that wrote them has ended, and its host has no identity.
  const refused = await callPlugin(['restore_data', config, pathOf(OF_TABLE)], { env });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/no-identity/) });
  expect(refused.stdout).toHaveLength(0);

  const reader = await hostWith('reader', keys?.section());
  for (const name of files) {
    const { code, stdout, stderr } = await callPlugin(['restore_data', reader, pathOf(name)], {
      env,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.equals(await readFile(join(FIXTURE, name))), name).toBe(true);
  }
  const report = pathOf(`gpbackup_${FIXTURE_TIMESTAMP}_report`);
  expect(await callPlugin(['restore_file', reader, report], { env })).toMatchObject({ code: 0 });
  const original = await readFile(join(FIXTURE, `gpbackup_${FIXTURE_TIMESTAMP}_report`));
  expect((await readFile(report)).equals(original)).toBe(true);
  const offsets = join(folder, 'offsets');
  await writeFile(offsets, '2 3 9 20 25');
  const subset = ['restore_data_subset', reader, pathOf(OF_TABLE), offsets];
  const parts = await callPlugin(subset, { env });
  const whole = await readFile(join(FIXTURE, OF_TABLE));
  expect(parts).toMatchObject({ code: 0, stderr: '' });
  expect(parts.stdout).toEqual(Buffer.concat([whole.subarray(3, 9), whole.subarray(20, 25)]));
  // An increment asks its coordinator for what gpbackup has left there.
  const left = join(folder, `backups/20261129/${FIXTURE_TIMESTAMP}`);
  const toc = join(left, `gpbackup_${FIXTURE_TIMESTAMP}_toc.yaml`);
  expect(await callPlugin(['restore_file', config, toc], { env })).toMatchObject({ code: 0 });

  const [key, object] = stored().find(([one]) => one.endsWith(OF_TABLE)) ?? [];
  if (key === undefined || object === undefined) throw new Error(`${OF_TABLE} is not stored`);
  const changed = Buffer.from(object.body);
  changed[60] = (changed[60] ?? 0) ^ 1;
  strict.objects.set(key, { ...object, body: changed });
  for (const args of [['restore_data', reader, pathOf(OF_TABLE)], subset]) {
    const bad = await callPlugin(args, { env });
    const stderr = expect.stringMatching(/has changed since|cannot be decrypted/);
    expect(bad).toMatchObject({ code: 1, stderr });
    expect(bad.stdout).toHaveLength(0);
  }
});

test('the commands of Stowage check, convert, copy and rewrap an encrypted backup', async () => {
  await encryptedBackup();
  await hostWith('reader', keys?.section());
  const run = (args: readonly string[], as = 'reader') =>
    stowage(args, { config: stowageOf(as), env });
  const listed = await run(['list'], 'coordinator');
  expect(listed.json.sets).toMatchObject([{ status: 'complete', encrypted: true }]);
  const keyless = await run(['verify', FIXTURE_TIMESTAMP], 'coordinator');
  expect(failureOf(keyless)).toBeUndefined();
  const decrypted = await run(['verify', FIXTURE_TIMESTAMP]);
  expect(failureOf(decrypted)).toBeUndefined();
  expect(decrypted.json).toMatchObject({ status: 'complete', decrypted: true });

  const copy = `file://${folder}/copy`;
  expect(failureOf(await run(['copy', FIXTURE_TIMESTAMP, '--to', copy], 'coordinator'))).toBe(
    undefined,
  );
  // The rows are in a set of Stowage's own, which is encrypted, too.
  const cat = ['cat', FIXTURE_TIMESTAMP, 'app.heap', '--root', copy];
  expect((await run(cat, 'coordinator')).text).toContain('encryption/no-identity');
  await hostWith('only-reader', { identityFile: keys?.identityFile });
  expect((await run(cat, 'only-reader')).text).toContain('would store the rows in clear');
  const rows = await stowage(cat, { config: stowageOf('reader'), env, plain: true });
  expect(failureOf(rows)).toBeUndefined();
  expect(rows.text.split('\n').filter((line) => /^\d+\t/.test(line))).toHaveLength(100);

  // To other recipients: each key of the set must follow.
  const both = { recipients: [others?.recipient], identityFile: keys?.identityFile };
  await hostWith('rotating', both);
  const rotated = await run(['key', 'rotate', '--yes'], 'rotating');
  expect(failureOf(rotated)).toBeUndefined();
  expect(rotated.json).toMatchObject({ written: 1, removed: 4, failed: [] });
  expect((await run(['key', 'test'])).code).toBe(4);
  await hostWith('other', others?.section());
  expect((await run(['key', 'test'], 'other')).json).toMatchObject({
    sets: 1,
    identities: [{ opened: 1, failed: [] }],
  });
  expect((await run(['key', 'list'], 'other')).json).toMatchObject({
    groups: [{ sets: 1, recipients: [others?.recipient] }],
    missing: [],
  });
  expect(failureOf(await run(['verify', FIXTURE_TIMESTAMP], 'other'))).toBeUndefined();

  // Without one key of a host its files are lost, and a copy has it.
  const ofHost = keyDocuments().filter((key) => key.includes('/host-'));
  const [gone = ''] = ofHost;
  strict.objects.delete(gone);
  const parsed = parseKey(gone.slice(gone.indexOf('sets/')));
  if (parsed?.kind !== 'host-key') throw new Error(`${gone} is no key of a host`);
  const { timestamp, keyId } = parsed;
  const object = hostKeyPrefix(timestamp, keyId);
  const invalid = await run(['validate', FIXTURE_TIMESTAMP], 'other');
  expect(invalid.json.problems).toMatchObject([{ code: 'key-missing', object }]);
  expect((await run(['key', 'list'], 'other')).code).toBe(3);
  const repaired = await run(['repair', FIXTURE_TIMESTAMP, '--from', copy], 'other');
  expect(failureOf(repaired)).toBeUndefined();
  expect(keyDocuments().filter((key) => key.includes(`host-${keyId}`))).toHaveLength(1);
});

test('a backup that ends before its first file leaves a key, and no set', async () => {
  const config = await hostWith('coordinator', keys?.section(false));
  const begun = ['setup_plugin_for_backup', config, pathOf('').slice(0, -1), 'master'];
  expect(await callPlugin(begun, { env })).toMatchObject({ code: 0, stderr: '' });
  expect(keyDocuments()).toHaveLength(1);
  for (const command of [['list'], ['sweep'], ['key', 'list']]) {
    const run = await stowage(command, { config: stowageOf('coordinator'), env });
    expect(failureOf(run), command.join(' ')).toBeUndefined();
  }
  const listed = await stowage(['list'], { config: stowageOf('coordinator'), env });
  expect(listed.json.sets).toEqual([]);
});

test('no byte is stored where a host and the plugin configuration disagree on encryption', async () => {
  const silent = await hostWith('silent', keys?.section(false), {});
  const plain = await hostWith('plain', undefined);
  for (const [config, why] of [
    [silent, 'does not say so: nothing was stored. Add "encryption: on"'],
    [plain, 'has neither encryption.recipients nor encryption.kms'],
  ] as const)
    for (const args of [
      ['setup_plugin_for_backup', config, pathOf(''), 'segment_host'],
      ['backup_file', config, join(FIXTURE, `gpbackup_${FIXTURE_TIMESTAMP}_toc.yaml`)],
    ])
      expect(await callPlugin(args, { env })).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(why),
      });
  expect(strict.objects.size).toBe(0);
});

test('a set that not every recipient opens is not complete, and gpbackup is told why', async () => {
  const { end } = await encryptedBackup(others?.section(false));
  expect(end.code).toBe(1);
  expect(end.stderr).toContain(`was not wrapped for ${keys?.recipient}`);
  expect(end.stderr).toMatch(/gpbackup_1_20261129015653/);
});

test('a resident process that ends between two calls leaves files that open', async () => {
  const config = await hostWith('restarted', keys?.section(false));
  const end = await replayBackup({
    ...{ config, host: folder, env },
    between: async () => {
      await callPlugin(['cleanup_plugin_for_restore', config, '/tmp', 'segment_host'], { env });
      await waitUntil(async () => (await openSockets()).length === 0);
    },
  });
  expect(end).toMatchObject({ code: 0, stderr: '' });
  expect(keyDocuments().filter((key) => key.includes('/host-'))).toHaveLength(2);
  const reader = await hostWith('reader', keys?.section());
  const verified = await stowage(['verify', FIXTURE_TIMESTAMP], {
    config: stowageOf('reader'),
    env,
  });
  expect(failureOf(verified)).toBeUndefined();

  // As of an older set that has expired, whose files an increment needs.
  for (const key of strict.objects.keys())
    if (key.endsWith('/manifest.json')) strict.objects.delete(key);
  const whole = await readFile(join(FIXTURE, OF_TABLE));
  const unproven = await callPlugin(['restore_data', reader, pathOf(OF_TABLE)], { env });
  expect(unproven).toMatchObject({ code: 0, stderr: '' });
  expect(unproven.stdout).toEqual(whole);
});

test('a plan that was replaced after the backup opens no file, and nor does a plain set', async () => {
  await encryptedBackup();
  const [key, object] = [...strict.objects].find(([one]) => one.endsWith('/plan.json')) ?? [];
  if (key === undefined || object === undefined) throw new Error('no plan is stored');
  const forged = object.body.toString().replace('"database":"tiny"', '"database":"many"');
  strict.objects.set(key, { ...object, body: Buffer.from(forged) });
  const forging = await hostWith('forging', keys?.section());
  const refused = await callPlugin(['restore_data', forging, pathOf(OF_TABLE)], { env });
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('the seal names') });
  expect(refused.stdout).toHaveLength(0);

  strict.reset();
  const plain = await hostWith('unencrypted', undefined, {});
  expect(await replayBackup({ config: plain, host: folder, env })).toMatchObject({ code: 0 });
  const reader = await hostWith('reader', keys?.section());
  const args = ['restore_data', reader, pathOf(OF_TABLE)];
  expect(await callPlugin(args, { env })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('is not encrypted, and the plugin configuration has'),
  });
});

test('a receipt of another program contradicts that of the host, and the set is not complete', async () => {
  const config = await hostWith('coordinator', keys?.section(false));
  const end = await replayBackup({
    ...{ config, host: folder, env },
    between: async () => {
      // Of the process itself: it need not read its own.
      const [key, object] = [...strict.objects].find(([one]) => one.includes('/receipts/')) ?? [];
      if (key === undefined || object === undefined) throw new Error('no receipt is stored');
      const receipt = JSON.parse(object.body.toString());
      const forged = { ...receipt, worker: 0, object: { ...receipt.object, crc32: '00000000' } };
      const body = Buffer.from(`${JSON.stringify(forged)}\n`);
      const sequence = /-(\d{6})\.json$/.exec(key)?.[1];
      const place = key.replace(/[^/]+$/, `1-0-${sequence}.json`);
      strict.objects.set(place, { ...object, body });
      await Promise.resolve();
    },
  });
  expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('contradict each other') });
});
