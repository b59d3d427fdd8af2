import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type GpbackupHosts, gpbackupHosts } from '../../support/adopt/gpbackup-hosts.ts';
import { FIXTURE, FIXTURE_TIMESTAMP } from '../../support/adopt/gpbackup-replay.ts';
import { failureOf } from '../../support/cli.ts';

const OF_TABLE = `gpbackup_0_${FIXTURE_TIMESTAMP}_16407.gz`;

let hosts: GpbackupHosts;
beforeAll(async () => {
  hosts = await gpbackupHosts();
});
afterEach(async () => {
  await hosts.endProcesses();
  hosts.strict.reset();
});
afterAll(() => hosts?.stop());

test('no byte is stored where a host and the plugin configuration disagree on encryption', async () => {
  const silent = await hosts.with('silent', hosts.keys.section(false), {});
  const plain = await hosts.with('plain', undefined);
  for (const [config, why] of [
    [silent, 'does not say so: nothing was stored. Add "encryption: on"'],
    [plain, 'has neither encryption.recipients nor encryption.kms'],
  ] as const)
    for (const args of [
      ['setup_plugin_for_backup', config, hosts.pathOf(''), 'segment_host'],
      ['backup_file', config, join(FIXTURE, `gpbackup_${FIXTURE_TIMESTAMP}_toc.yaml`)],
    ])
      expect(await hosts.call(...args)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(why),
      });
  expect(hosts.strict.objects.size).toBe(0);
});

test('a backup that ends before its first file leaves a key, and no set', async () => {
  const config = await hosts.with('coordinator', hosts.keys.section(false));
  const place = hosts.pathOf('').slice(0, -1);
  const begun = await hosts.call('setup_plugin_for_backup', config, place, 'master');
  expect(begun).toMatchObject({ code: 0, stderr: '' });
  expect(hosts.keyDocuments()).toHaveLength(1);
  for (const command of [['sweep'], ['key', 'list']])
    expect(failureOf(await hosts.run(command, 'coordinator')), command.join(' ')).toBeUndefined();
  expect((await hosts.run(['list'], 'coordinator')).json.sets).toEqual([]);
});

test('a set that not every recipient opens is not complete, and gpbackup is told why', async () => {
  const { end } = await hosts.encryptedBackup(hosts.others.section(false));
  expect(end.code).toBe(1);
  expect(end.stderr).toContain(`was not wrapped for ${hosts.keys.recipient}`);
  expect(end.stderr).toMatch(/gpbackup_1_20261129015653/);
});

test('a receipt of another program contradicts that of the host, and the set is not complete', async () => {
  const config = await hosts.with('coordinator', hosts.keys.section(false));
  const between = async () => {
    const { key, object } = hosts.stored('/receipts/');
    const receipt = JSON.parse(object.body.toString());
    const forged = { ...receipt, worker: 0, object: { ...receipt.object, crc32: '00000000' } };
    const sequence = /-(\d{6})\.json$/.exec(key)?.[1];
    const place = key.replace(/[^/]+$/, `1-0-${sequence}.json`);
    const body = Buffer.from(`${JSON.stringify(forged)}\n`);
    hosts.strict.objects.set(place, { ...object, body });
    await Promise.resolve();
  };
  const end = await hosts.replay({ config, between });
  expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('contradict each other') });
});

test('an object that is no receipt loses no set, and one in the place of a receipt is named', async () => {
  const own = hosts.keys.section(false);
  const config = await hosts.with('coordinator', own);
  const host = await hosts.with('host-0', own);
  const { objects } = hosts.strict;
  let lost: ReturnType<typeof hosts.stored> | undefined;
  const between = async () => {
    lost = hosts.stored('/receipts/');
    const unread = { ...lost.object, body: Buffer.from('{"version":99}\n') };
    objects.set(lost.key.replace(/[^/]+$/, '1-0-000001.json'), unread);
    objects.set(lost.key, unread);
    await Promise.resolve();
  };
  const end = await hosts.replay({ config, configOf: () => host, between });
  if (lost === undefined) throw new Error('no receipt was stored');
  const [, finish = ''] =
    /Then finish the set: `stowage-gpbackup-plugin (.*?)`/.exec(end.stderr) ?? [];
  expect([end.code, end.stderr]).toEqual([1, expect.stringMatching(/receipt that can be read/)]);
  expect([...objects.keys()].filter((key) => /(plan|seal)\.json$/.test(key))).toEqual([]);

  objects.set(lost.key, lost.object);
  expect(await hosts.call(...finish.split(' '))).toMatchObject({ code: 0, stderr: '' });
  const { sets } = (await hosts.run(['list'], 'coordinator')).json;
  expect(sets).toMatchObject([{ status: 'complete' }]);
});

test('a plan that was replaced after the backup opens no file', async () => {
  await hosts.encryptedBackup();
  const { key, object } = hosts.stored('/plan.json');
  const forged = object.body.toString().replace('"database":"tiny"', '"database":"many"');
  hosts.strict.objects.set(key, { ...object, body: Buffer.from(forged) });
  const reader = await hosts.with('reader', hosts.keys.section());
  const refused = await hosts.call('restore_data', reader, hosts.pathOf(OF_TABLE));
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('the seal names') });
  expect(refused.stdout).toHaveLength(0);
});

test('a plain set is refused where a configuration says that sets are encrypted', async () => {
  const config = await hosts.with('unencrypted', undefined, {});
  expect(await hosts.replay({ config })).toMatchObject({ code: 0 });
  const stderr = expect.stringContaining('is not encrypted, and the plugin configuration (');
  for (const [name, options] of Object.entries({ on: { encryption: 'on' }, silent: {} })) {
    const reader = await hosts.with(`reader-${name}`, hosts.keys.section(), options);
    const refused = await hosts.call('restore_data', reader, hosts.pathOf(OF_TABLE));
    expect(refused, name).toMatchObject({ code: 1, stderr });
  }
  const accepting = await hosts.with('accepting', hosts.keys.section(), { encryption: 'off' });
  const accepted = await hosts.call('restore_data', accepting, hosts.pathOf(OF_TABLE));
  expect(accepted).toMatchObject({ code: 0, stderr: '' });
});
