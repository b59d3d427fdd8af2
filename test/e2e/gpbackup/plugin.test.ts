import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import {
  callPlugin,
  FIXTURE,
  FIXTURE_TIMESTAMP,
  type PluginExit,
  replayBackup,
} from '../../support/adopt/gpbackup-replay.ts';
import { failureOf, stowage } from '../../support/cli.ts';
import { GPBACKUP_PLUGIN } from '../../support/programs/programs.ts';
import { type StrictS3, startStrictS3 } from '../../support/servers/strict-s3/strict-s3.ts';
import { waitFor, waitUntil } from '../../support/wait-for.ts';

const env = { AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'secret' };
const SOCKETS = `/tmp/stowage-gpbackup-${userInfo().uid}`;
const SET = `shop/sets/20261129/${FIXTURE_TIMESTAMP}`;
const OF_TABLE = `gpbackup_0_${FIXTURE_TIMESTAMP}_16407.gz`;

let strict: StrictS3;
let folder = '';
/** The plugin configuration of gpbackup, and a stowage.yaml for the same root. */
let [config, file] = ['', ''];
/** Names of the files of this test in the folder of sockets. */
let name = '';

beforeAll(async () => {
  [folder, strict] = await Promise.all([mkdtemp(join(tmpdir(), 'plugin-')), startStrictS3()]);
  name = `${folder.slice(-6)}.yaml`;
  [config, file] = [join(folder, name), join(folder, 'stowage.yaml')];
  const root = `${strict.root}/shop`;
  const stored = { root, storage: { endpoint: strict.endpoint, region: 'us-east-1' } };
  const cluster = { cluster: 'shop', flavour: 'greenplum', database: 'tiny', functions: 'inline' };
  await writeFile(file, stringify({ ...cluster, ...stored, coordinator: {} }));
  const options = { config: file, node: process.execPath };
  await writeFile(config, stringify({ executablepath: GPBACKUP_PLUGIN, options }));
});
afterEach(async () => {
  await call('cleanup_plugin_for_restore', '/tmp', 'segment_host');
  // Also its empty log.
  await waitUntil(async () => (await leftBehind()).length === 0);
  strict.reset();
});
afterAll(async () => {
  await strict?.stop();
  await rm(folder, { recursive: true, force: true });
});

const call = (command: string, ...args: string[]) =>
  callPlugin([command, config, ...args], { env });
const put = (path: string, input: Readable) =>
  callPlugin(['backup_data', config, path], { env, input });
/** Sockets and logs of resident processes. */
const leftBehind = async () => (await readdir(SOCKETS)).filter((one) => one.includes(name));
const pathOf = (base: string) => join(folder, `seg0/backups/20261129/${FIXTURE_TIMESTAMP}/${base}`);
const keysOf = (prefix: string) =>
  [...strict.objects.keys()].filter((key) => key.includes(prefix)).sort();

test('a backup that gpbackup passes on is complete, and every file comes back byte for byte', async () => {
  const end = await replayBackup({ config, host: folder, env });
  expect(end).toMatchObject({ code: 0, stderr: '' });
  const shown = await stowage(['show', FIXTURE_TIMESTAMP], { config: file, env });
  expect(failureOf(shown)).toBeUndefined();
  expect(shown.json.status).toBe('complete');
  expect(shown.json.manifest).toMatchObject({
    database: 'tiny',
    source: { tool: 'gpbackup', counted: 'source' },
    totals: { contents: 3, relations: 11, rows: 1100, objects: 27 },
  });
  const files = (await readdir(FIXTURE)).filter((one) => /^gpbackup_\d_/.test(one));
  await Promise.all(
    files.map(async (one) => {
      const { code, stdout, stderr } = await call('restore_data', pathOf(one));
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.equals(await readFile(join(FIXTURE, one)))).toBe(true);
    }),
  );
  const report = pathOf(`gpbackup_${FIXTURE_TIMESTAMP}_report`);
  expect(await call('restore_file', report)).toMatchObject({ code: 0, stderr: '' });
  const original = await readFile(join(FIXTURE, `gpbackup_${FIXTURE_TIMESTAMP}_report`));
  expect((await readFile(report)).equals(original)).toBe(true);
  const copy = `file://${folder}/copy`;
  const copied = await stowage(['copy', FIXTURE_TIMESTAMP, '--to', copy], { config: file, env });
  expect(failureOf(copied)).toBeUndefined();
  // Bytes that have changed since must not reach a table: another letter in a table's rows.
  const key = keysOf(OF_TABLE)[0] ?? '';
  const stored = strict.objects.get(key);
  if (stored === undefined) throw new Error(`${OF_TABLE} is not stored`);
  const changed = Buffer.from(stored.body);
  changed[changed.length >> 1] = (changed[changed.length >> 1] ?? 0) ^ 1;
  strict.objects.set(key, { ...stored, body: changed });
  for (const [name, path] of [
    ['restore_data', pathOf(OF_TABLE)],
    ['restore_file', pathOf(OF_TABLE)],
  ] as const) {
    const refused = await call(name, path);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has changed since'),
    });
  }
  expect(await readdir(join(folder, 'seg0/backups/20261129', FIXTURE_TIMESTAMP))).not.toContain(
    OF_TABLE,
  );
  strict.objects.set(key, stored);
  // Not one object of it may be gone.
  strict.objects.delete(keysOf(OF_TABLE)[0] ?? '');
  const validated = await stowage(['validate', FIXTURE_TIMESTAMP], { config: file, env });
  expect(validated.code).toBe(3);
  expect(validated.json.problems).toMatchObject([
    { code: 'object-missing', object: expect.stringContaining(OF_TABLE) as string },
  ]);
  const repaired = await stowage(['repair', FIXTURE_TIMESTAMP, '--from', copy], {
    config: file,
    env,
  });
  expect(failureOf(repaired)).toBeUndefined();
  expect(strict.objects.get(key)?.body.equals(stored.body)).toBe(true);
  const deleted = await call('delete_backup', FIXTURE_TIMESTAMP);
  expect(deleted).toMatchObject({ code: 0, stderr: '' });
  expect(keysOf(SET)).toEqual([]);
  // The copy has its rows, too, for the commands that read a table.
  const cat = ['cat', FIXTURE_TIMESTAMP, 'app.heap', '--root', copy];
  const rows = await stowage(cat, { config: file, env, plain: true });
  expect(failureOf(rows)).toBeUndefined();
  expect(rows.text.split('\n').filter((line) => /^\d+\t/.test(line))).toHaveLength(100);
  expect(rows.text).toContain('converting it into set 20261129015654');
});

test('a backup that lacks one file is incomplete, and gpbackup is told which', async () => {
  const end = await replayBackup({ config, host: folder, env, without: (one) => one === OF_TABLE });
  expect(end.code).toBe(1);
  expect(end.stderr).toMatch(
    /^stowage-gpbackup-plugin: set 20261129015653 is incomplete: .*app\.heap.*16407\.gz.*\n$/,
  );
  const listed = await stowage(['list'], { config: file, env });
  expect(listed.json.sets).toMatchObject([{ timestamp: FIXTURE_TIMESTAMP, status: 'incomplete' }]);
});

test('streams that break off are errors, and leave neither object nor receipt', async () => {
  const failed = async (exit: Promise<PluginExit>, why: RegExp) => {
    const { code, stderr } = await exit;
    expect(code).toBe(1);
    expect(stderr).toMatch(why);
    expect(stderr.split('\n')).toHaveLength(2);
  };
  const whole = await readFile(join(FIXTURE, OF_TABLE));
  const cut = Readable.from([whole.subarray(0, whole.length - 9)]);
  await failed(put(pathOf(OF_TABLE), cut), /its gzip stream is cut off .*gpbackup\/stream/);
  strict.refuse('AccessDenied', { times: 9, when: ({ url }) => url.includes(OF_TABLE) });
  const again = createReadStream(join(FIXTURE, OF_TABLE));
  await failed(put(pathOf(OF_TABLE), again), /storage\/denied/);
  await failed(call('restore_data', pathOf(OF_TABLE)), /storage\//);
  await failed(callPlugin(['frobnicate'], { env }), /unknown command frobnicate/);
  expect(keysOf(SET)).toEqual([]);
});

test('a client and a resident process that are killed during an upload leave no object', async () => {
  const endless = () =>
    Readable.from(
      (async function* () {
        for (let row = 0; ; row++) {
          yield Buffer.from(`${row},x\n`.repeat(1000));
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      })(),
    );
  const plain = OF_TABLE.replace('.gz', '');
  expect(await call('setup_plugin_for_backup', pathOf(''), 'master')).toMatchObject({ code: 0 });
  const upload = put(pathOf(plain), endless());
  const serving = await pidOf('gpbackup-plugin');
  const client = await pidOf('backup_data');
  process.kill(client, 'SIGKILL');
  expect(await upload).toMatchObject({ code: 1 });
  const second = put(pathOf(plain), endless());
  await pidOf('backup_data');
  process.kill(serving, 'SIGKILL');
  const { code, stderr } = await second;
  expect(code).toBe(1);
  expect(stderr).toMatch(/the resident process on this host has ended/);
  expect(keysOf(SET)).toEqual([]);
  // The next call starts another process.
  const third = put(pathOf(OF_TABLE), createReadStream(join(FIXTURE, OF_TABLE)));
  expect(await third).toMatchObject({ code: 0, stderr: '' });
});

/** The process of this test whose command line has a word: Node or curl. */
async function pidOf(word: string): Promise<number> {
  return waitFor(`a process with ${word}`, async () => {
    for (const pid of (await readdir('/proc')).filter((one) => /^\d+$/.test(one))) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      const isProgram = /^[^\0]*(?:curl|node)\0/.test(line);
      if (isProgram && line.includes(word) && line.includes(name)) return Number(pid);
    }
    return undefined;
  });
}
