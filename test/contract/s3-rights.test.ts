import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStore } from '../../storage/open.ts';
import type { ObjectStore } from '../../storage/store.ts';
import { type FaultyProxy, startFaultyProxy } from '../support/faulty-proxy.ts';
import { collect, reusing, someBytes, text } from './bytes.ts';
import { BUCKET, cephSubject, PART_BYTES } from './subjects.ts';

// A shipper may create objects under its prefix and nothing else: no read, no list, no delete.
const subject = cephSubject();
let proxy: FaultyProxy;
let shipper: ObjectStore;
let owner: ObjectStore;

/**
 * On Ceph an object belongs to who wrote it: the bucket's owner reads it by the policy only, and the writer is kept
 * from reading it back by a denial only. On AWS (bucket owner enforced, the default) the first of the three is enough.
 */
const POLICY = {
  Version: '2012-10-17',
  Statement: [
    allow('shipper', ['s3:PutObject', 's3:AbortMultipartUpload']),
    allow('stowage', ['s3:*']),
    { ...allow('shipper', ['s3:GetObject', 's3:DeleteObject']), Effect: 'Deny' },
  ],
};

function allow(user: string, actions: string[]) {
  const principal = { AWS: [`arn:aws:iam:::user/${user}`] };
  return {
    Effect: 'Allow',
    Principal: principal,
    Action: actions,
    Resource: [`arn:aws:s3:::${BUCKET}/cluster/*`],
  };
}

beforeAll(async () => {
  await subject.start();
  const ceph = subject.ceph();
  proxy = await startFaultyProxy(ceph.endpoint);
  owner = await openStore({ root: `s3://${BUCKET}/cluster`, s3: { endpoint: ceph.endpoint } });
  await owner.create('seal.json', text('seal'));
  const user = await ceph.createUser('shipper');
  await ceph.client.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy: JSON.stringify(POLICY) }));
  Object.assign(process.env, user.env);
  shipper = await openStore({
    root: `s3://${BUCKET}/cluster`,
    s3: { endpoint: proxy.endpoint, partBytes: PART_BYTES, attemptsMax: 2 },
  });
  await shipper.create('warm-up', text('the SDK has read the environment now'));
  Object.assign(process.env, ceph.env);
});
afterAll(async () => {
  await proxy?.stop();
  await subject.stop();
});

const denied = { code: 'storage/denied' };

test('a shipper creates and uploads, and learns the etags without reading', async () => {
  const small = await shipper.create('receipts/1.json', text('{}'));
  const big = await shipper.upload('data/1.pack', reusing(someBytes(3 * PART_BYTES), 1_000_000));
  expect(await owner.head('receipts/1.json')).toMatchObject({ bytes: 2, etag: small.etag });
  expect(await owner.head('data/1.pack')).toMatchObject({ bytes: 3 * PART_BYTES, etag: big.etag });
});

test('a shipper whose source fails leaves no upload', async () => {
  async function* source() {
    yield someBytes(2 * PART_BYTES);
    throw new Error('connection lost');
  }
  await expect(shipper.upload('data/2.pack', source())).rejects.toThrow('connection lost');
  expect(await Array.fromAsync(owner.pendingUploads(''))).toEqual([]);
});

test('a shipper reads, lists, deletes and overwrites nothing', async () => {
  await expect(collect(shipper.get('seal.json'))).rejects.toMatchObject(denied);
  await expect(Array.fromAsync(shipper.list(''))).rejects.toMatchObject(denied);
  await expect(shipper.delete(['seal.json'])).rejects.toMatchObject(denied);
  await expect(shipper.create('seal.json', text('forged'))).rejects.toMatchObject({ code: 'storage/exists' });
  expect(await collect(owner.get('seal.json'))).toEqual(text('seal'));
});

test('a shipper that lost the answer to a create cannot tell, and says so', async () => {
  proxy.trouble({ kind: 'drop-response' }, { when: ({ method }) => method === 'PUT' });
  await expect(shipper.create('receipts/3.json', text('{}'))).rejects.toMatchObject({
    code: 'storage/exists',
  });
});

test('wrong credentials are denied, and their secret is in no message', async () => {
  process.env['AWS_SECRET_ACCESS_KEY'] = 'not-the-secret-of-anyone';
  const store = await openStore({ root: `s3://${BUCKET}/cluster`, s3: { endpoint: proxy.endpoint } });
  const error: unknown = await store.create('x', text('')).catch((caught: unknown) => caught);
  Object.assign(process.env, subject.ceph().env);
  expect(error).toMatchObject(denied);
  expect(String(error)).not.toContain('not-the-secret-of-anyone');
});
