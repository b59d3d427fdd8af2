import { mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PutBucketLifecycleConfigurationCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../storage/open.ts';
import { documentsOf, storeAll, storeObjects } from '../integration/functions/sets.ts';
import { type Ceph, startCeph } from '../support/ceph/ceph.ts';
import { startStowage, stowage, writeConfig } from '../support/cli.ts';

// Runs `stowage doctor --deployment` against a real `stowage serve`, on Ceph and on a directory.
let ceph: Ceph;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'doctor-'));
  ceph = await startCeph();
  await ceph.createBucket('offsite');
});
afterAll(async () => {
  await ceph?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function configFor(root: string, more: Record<string, unknown> = {}): Promise<string> {
  const path = join(folder, `${encodeURIComponent(root).slice(-20)}.yaml`);
  const segments = [{ content: 0, host: 'nowhere.invalid' }];
  return writeConfig(path, { root, database: 'places', segments, functions: 'events', ...more });
}

/** `object: check` → ok, note or BAD. */
function signs(text: string): Record<string, string> {
  const { checks } = JSON.parse(text) as {
    checks: { of: string; name: string; ok: boolean; remark?: true; detail: string }[];
  };
  return Object.fromEntries(
    checks.map(({ of, name, ok, remark }) => [
      `${of}: ${name}`,
      !ok ? 'BAD' : remark ? 'note' : 'ok',
    ]),
  );
}

test('doctor --deployment on Ceph reports BAD while no function answers and ok once stowage serve runs; missing bucket settings are notes', async () => {
  const config = await configFor('s3://offsite/shop', { storage: { endpoint: ceph.endpoint } });
  const options = { config, env: ceph.env };
  const alone = await stowage(['doctor', '--deployment', '--wait', '1'], options);
  expect(alone.code).toBe(4);
  expect(signs(alone.text)).toEqual({
    'bucket: versioning': 'ok',
    'bucket: Object Lock': 'note',
    'bucket: public access': 'note',
    'bucket: encryption': 'note',
    'bucket: unfinished uploads': 'note',
    'bucket: events': 'note',
    'functions: sealed sets have verdicts': 'ok',
    'functions: a test request is answered': 'BAD',
  });
  await ceph.client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket: 'offsite',
      LifecycleConfiguration: {
        Rules: [
          {
            ID: 'abort',
            Status: 'Enabled',
            Filter: { Prefix: 'shop/' },
            AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
          },
        ],
      },
    }),
  );
  const serve = startStowage(['serve', '--port', '0', '--sweep', '1'], options);
  await serve.waitForEvent('serving');
  const served = await stowage(['doctor', '--deployment'], options);
  serve.kill('SIGTERM');
  await serve.ended;
  expect(served.code).toBe(0);
  expect(signs(served.text)).toMatchObject({
    'bucket: unfinished uploads': 'ok',
    'functions: a test request is answered': 'ok',
  });
});

test('doctor --deployment on a directory has no bucket to check; it sends a request to the functions unless they run inline', async () => {
  const config = await configFor(`file://${join(folder, 'root')}`);
  const serve = startStowage(['serve', '--port', '0', '--sweep', '1'], { config });
  await serve.waitForEvent('serving');
  const served = await stowage(['doctor', '--deployment'], { config });
  serve.kill('SIGTERM');
  await serve.ended;
  expect(served.code).toBe(0);
  expect(signs(served.text)).toMatchObject({ 'functions: a test request is answered': 'ok' });
  const inline = await stowage(['doctor', '--deployment', '--functions', 'inline'], { config });
  expect(inline.code).toBe(0);
  expect(signs(inline.text)).toMatchObject({ 'functions: a test request is answered': 'note' });
});

test('doctor reports a set that was sealed an hour ago and has no verdict as BAD, and notes that no function has answered', async () => {
  const root = `file://${join(folder, 'unjudged')}`;
  const store = await openStore({ root });
  await storeAll(store, documentsOf(await storeObjects(store, { contents: [0] })));
  await store.close();
  const seal = join(folder, 'unjudged/sets/20260131/20260131010203/seal.json');
  const hourAgo = new Date(Date.now() - 3_600_000);
  await utimes(seal, hourAgo, hourAgo);
  const config = await configFor(root);
  const before = await stowage(['doctor'], { config });
  expect(before.code).toBe(4);
  expect(signs(before.text)).toMatchObject({
    'functions: sealed sets have verdicts': 'BAD',
    'functions: functions have answered': 'note',
  });
  await stowage(['sweep'], { config });
  const after = await stowage(['doctor'], { config });
  expect(signs(after.text)).toMatchObject({
    'functions: sealed sets have verdicts': 'ok',
    'functions: functions have answered': 'ok',
  });
});

test('doctor --deployment reports BAD for a missing bucket and names it, and doctor names it in one check of the store', async () => {
  const config = await configFor('s3://absent/shop', { storage: { endpoint: ceph.endpoint } });
  const { code, text } = await stowage(['doctor', '--deployment', '--wait', '1'], {
    config,
    env: ceph.env,
  });
  expect(code).toBe(4);
  expect(signs(text)).toMatchObject({ 'bucket: reachable': 'BAD' });
  expect(text).toContain('bucket absent does not exist');

  const plain = await stowage(['doctor'], { config, env: ceph.env, plain: true });
  expect(plain.code).toBe(4);
  expect(plain.text.match(/^BAD +storage .*/gm)).toEqual([
    expect.stringMatching(/conditional create .*bucket absent does not exist|NoSuchBucket/),
  ]);
  expect(
    plain.text.match(/^– +storage .* not checked, because conditional create failed$/gm),
  ).toHaveLength(7);
});
